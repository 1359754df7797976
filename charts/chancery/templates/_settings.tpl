{{/* What follows from several values at once. */}}

{{/* Namespaces that are made ready for signers, as a JSON list. */}}
{{- define "chancery.runNamespaces" -}}
{{- $watched := .Values.watchNamespaces }}
{{- if $watched }}
{{- range .Values.runNamespaces }}
{{- if not (has . $watched) }}
{{- fail (printf "runNamespaces names %s, which the operator does not watch; add it to watchNamespaces" .) }}
{{- end }}
{{- end }}
{{- $found := include "chancery.existingNamespaces" (list . $watched) | fromJsonArray }}
{{- if not $found }}
{{- fail (printf "watchNamespaces names %s, and there is none of them, or they are being deleted; make one, name another, or leave watchNamespaces empty for the release's own namespace" (join ", " $watched)) }}
{{- end }}
{{- toJson $found }}
{{- else }}
{{- include "chancery.existingNamespaces" (list . (concat (list .Release.Namespace) .Values.runNamespaces)) }}
{{- end }}
{{- end }}

{{/*
  Those of the namespaces that are there, as a JSON list: one that was deleted since the release was installed does not keep it
  from being upgraded. At an installation all of them, so that a slip is told of; and where the cluster cannot be asked.
  Called with (list . NAMESPACES).
*/}}
{{- define "chancery.existingNamespaces" -}}
{{- $root := first . }}
{{- $found := list }}
{{- $asked := and $root.Release.IsUpgrade (not $root.Values.rbac.namespaced) (lookup "v1" "Namespace" "" $root.Release.Namespace) }}
{{- range last . | uniq }}
{{- $is := true }}
{{- if and $asked (ne . $root.Release.Namespace) }}
{{- $namespace := lookup "v1" "Namespace" "" . }}
{{- $is = and $namespace (eq (dig "status" "phase" "" $namespace) "Active") }}
{{- end }}
{{- if $is }}
{{- $found = append $found . }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/*
  Namespaces that the operator looks at and has its rights in, as a JSON list; with watchAllNamespaces, none. Whether all are meant
  is asked of that value, and never of the list: what it names may be gone.
*/}}
{{- define "chancery.watchNamespaces" -}}
{{- if .Values.watchAllNamespaces }}
{{- if .Values.watchNamespaces }}
{{- fail "watchAllNamespaces is true, and watchNamespaces names some; give one of them" }}
{{- end }}
{{- if .Values.rbac.namespaced }}
{{- fail "watchAllNamespaces needs rights in the whole cluster, which rbac.namespaced does not give; set one of them" }}
{{- end }}
{{- list | toJson }}
{{- else }}
{{- include "chancery.runNamespaces" . }}
{{- end }}
{{- end }}

{{/* Whether the PostgreSQL for trying out runs: "true" or nothing. */}}
{{- define "chancery.postgresql.enabled" -}}
{{- $given := .Values.database.existingSecret }}
{{- $enabled := toString .Values.postgresql.enabled }}
{{- if and $given (eq $enabled "true") }}
{{- fail "postgresql.enabled is true, and database names another database; give one of them" }}
{{- end }}
{{- if and (not $given) (eq $enabled "false") }}
{{- fail "no database: set database.existingSecret, or postgresql.enabled=true to try things out" }}
{{- end }}
{{- if not $given }}true{{ end }}
{{- end }}

{{/* Size of the disk of the database, if it is known. */}}
{{- define "chancery.database.capacity" -}}
{{- $database := .Values.database }}
{{- $own := and (include "chancery.postgresql.enabled" .) .Values.postgresql.persistence.enabled }}
{{- if $database.capacity }}
{{- $database.capacity }}
{{- else if $own }}
{{- .Values.postgresql.persistence.size }}
{{- else if $database.floor }}
{{- fail "database.floor is set, and database.capacity is not: say how large the disk of the database is" }}
{{- end }}
{{- end }}

{{/* Secret with the URLs. That of the try-out PostgreSQL holds its passwords too, so that they always fit together. */}}
{{- define "chancery.database.secretName" -}}
{{- default (include "chancery.postgresql.name" .) .Values.database.existingSecret }}
{{- end }}

{{- define "chancery.database.ownerUrlKey" -}}
{{- if .Values.database.existingSecret }}{{ .Values.database.ownerUrlKey }}{{ else }}owner-url{{ end }}
{{- end }}

{{/* Key of the operator's own URL in the same Secret; nothing if the operator is the owner. */}}
{{- define "chancery.database.operatorUrlKey" -}}
{{- if .Values.database.existingSecret }}{{ .Values.database.operatorUrlKey }}{{ else }}operator-url{{ end }}
{{- end }}

{{/* Key of the gateway's URL in the same Secret; nothing if there is no gateway. */}}
{{- define "chancery.database.gatewayUrlKey" -}}
{{- if .Values.gateway.enabled }}
{{- if not .Values.database.existingSecret }}gateway-url
{{- else if .Values.database.gatewayUrlKey }}
{{- .Values.database.gatewayUrlKey }}
{{- else }}
{{- fail "gateway.enabled is true, and database.gatewayUrlKey is empty: give the gateway a login of its own, a member of the role chancery_gateway, and name the key of its URL in database.existingSecret" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Key of the signers' URL in the same Secret; nothing if they reach the database as the operator does. */}}
{{- define "chancery.database.signerUrlKey" -}}
{{- if .Values.database.existingSecret }}
{{- .Values.database.signerUrlKey }}
{{- end }}
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

{{/* Fails unless the cluster knows the Prometheus Operator's API, and lets Prometheus in. Called with (list . VALUE). */}}
{{- define "chancery.needsPrometheusOperator" -}}
{{- $root := index . 0 }}
{{- if not (or $root.Values.metrics.force ($root.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) }}
{{- fail (printf "metrics.%s.enabled is true, but this cluster has no monitoring.coreos.com/v1: install the Prometheus Operator, or set metrics.force=true if the cluster cannot be asked" (index . 1)) }}
{{- end }}
{{- $policy := $root.Values.networkPolicy }}
{{- if and (ne (index . 1) "prometheusRule") $policy.enabled (not $policy.metricsFrom) }}
{{- fail (printf "metrics.%s.enabled is true, but nobody may ask for metrics: say from where Prometheus does in networkPolicy.metricsFrom, or set networkPolicy.enabled=false" (index . 1)) }}
{{- end }}
{{- end }}
