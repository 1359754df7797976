{{/* What follows from several values at once. */}}

{{/* Namespaces that the operator looks at, as a JSON list; none: all of them. */}}
{{- define "chancery.watchNamespaces" -}}
{{- if .Values.watchNamespaces }}
{{- .Values.watchNamespaces | uniq | toJson }}
{{- else if .Values.rbac.namespaced }}
{{- list .Release.Namespace | toJson }}
{{- else }}
{{- list | toJson }}
{{- end }}
{{- end }}

{{/* Namespaces that are made ready for signers, as a JSON list. */}}
{{- define "chancery.runNamespaces" -}}
{{- $watched := include "chancery.watchNamespaces" . | fromJsonArray }}
{{- if $watched }}
{{- range .Values.runNamespaces }}
{{- if not (has . $watched) }}
{{- fail (printf "runNamespaces names %s, which the operator does not watch; add it to watchNamespaces" .) }}
{{- end }}
{{- end }}
{{- $watched | toJson }}
{{- else }}
{{- concat (list .Release.Namespace) .Values.runNamespaces | uniq | toJson }}
{{- end }}
{{- end }}

{{/* Whether the PostgreSQL for trying out runs: "true" or nothing. */}}
{{- define "chancery.postgresql.enabled" -}}
{{- $database := .Values.database }}
{{- $given := or $database.existingSecret $database.ownerUrl }}
{{- $enabled := toString .Values.postgresql.enabled }}
{{- if and $database.existingSecret $database.ownerUrl }}
{{- fail "database.existingSecret and database.ownerUrl are both set; give one of them" }}
{{- end }}
{{- if and $given (eq $enabled "true") }}
{{- fail "postgresql.enabled is true, and database names another database; give one of them" }}
{{- end }}
{{- if and (not $given) (eq $enabled "false") }}
{{- fail "no database: set database.existingSecret, or database.ownerUrl, or postgresql.enabled=true to try things out" }}
{{- end }}
{{- if not $given }}true{{ end }}
{{- end }}

{{/* Secret with the owner's URL. */}}
{{- define "chancery.database.secretName" -}}
{{- default (printf "%s-database" (include "chancery.fullname" .)) .Values.database.existingSecret }}
{{- end }}

{{- define "chancery.database.ownerUrlKey" -}}
{{- if .Values.database.existingSecret }}{{ .Values.database.ownerUrlKey }}{{ else }}owner-url{{ end }}
{{- end }}

{{- define "chancery.kek.secretName" -}}
{{- default (printf "%s-kek" (include "chancery.fullname" .)) .Values.kek.existingSecret }}
{{- end }}

{{- define "chancery.kek.key" -}}
{{- if .Values.kek.existingSecret }}{{ .Values.kek.key }}{{ else }}kek{{ end }}
{{- end }}

{{- define "chancery.statements.secretName" -}}
{{- default (printf "%s-statement-key" (include "chancery.fullname" .)) .Values.statements.existingSecret }}
{{- end }}

{{- define "chancery.statements.key" -}}
{{- if .Values.statements.existingSecret }}{{ .Values.statements.key }}{{ else }}statement.key{{ end }}
{{- end }}

{{/* Whether the CA of the database is given: "true" or nothing. */}}
{{- define "chancery.database.hasCa" -}}
{{- $ca := .Values.database.tls.ca }}
{{- $given := compact (list $ca.existingSecret $ca.existingConfigMap $ca.pem) }}
{{- if gt (len $given) 1 }}
{{- fail "database.tls.ca: give one of existingSecret, existingConfigMap and pem" }}
{{- end }}
{{- if and (not $given) (eq .Values.database.tls.mode "verify-ca") }}
{{- fail "database.tls.mode verify-ca needs a CA in database.tls.ca" }}
{{- end }}
{{- if $given }}true{{ end }}
{{- end }}

{{/* Ports of the database, as a JSON list. */}}
{{- define "chancery.database.ports" -}}
{{- $ports := .Values.networkPolicy.databasePorts }}
{{- if not $ports }}
{{- $port := regexFind ":[0-9]+(/|$)" (regexReplaceAll "^[a-z]+://([^@]*@)?" .Values.database.ownerUrl "") | trimAll ":/" }}
{{- $ports = list (default "5432" $port | atoi) }}
{{- end }}
{{- $ports | toJson }}
{{- end }}

{{/* Port of the OTLP endpoint, or nothing. */}}
{{- define "chancery.otlpPort" -}}
{{- with .Values.traces.otlpEndpoint }}
{{- $port := regexFind ":[0-9]+(/|$)" (regexReplaceAll "^[a-z]+://" . "") | trimAll ":/" }}
{{- default (ternary "443" "80" (hasPrefix "https:" .)) $port }}
{{- end }}
{{- end }}

{{/* Fails unless the cluster knows the Prometheus Operator's API. Called with (list . VALUE). */}}
{{- define "chancery.needsPrometheusOperator" -}}
{{- $root := index . 0 }}
{{- if not (or $root.Values.metrics.force ($root.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) }}
{{- fail (printf "metrics.%s.enabled is true, but this cluster has no monitoring.coreos.com/v1: install the Prometheus Operator, or set metrics.force=true if the cluster cannot be asked" (index . 1)) }}
{{- end }}
{{- end }}
