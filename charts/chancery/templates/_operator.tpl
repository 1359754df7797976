{{/* The operator's settings. docs/operating/cluster.md says how they go together. */}}
{{- define "chancery.operator.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "chancery.database.secretName" . }}
      key: {{ default (include "chancery.database.ownerUrlKey" .) (include "chancery.database.operatorUrlKey" .) }}
{{- with .Values.database.auditorUrlKey }}
- name: CHANCERY_AUDIT_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "chancery.database.secretName" $ }}
      key: {{ . }}
{{- end }}
{{- with .Values.database.tls.mode }}
- name: PGSSLMODE
  value: {{ . }}
- name: CHANCERY_SIGNER_PGSSLMODE
  value: {{ . }}
{{- end }}
{{- if include "chancery.database.hasCa" . }}
- name: PGSSLROOTCERT
  value: /etc/chancery/database-ca/ca.crt
- name: CHANCERY_SIGNER_CA_FILE
  value: /etc/chancery/database-ca/ca.crt
{{- end }}
- name: CHANCERY_KEK_FILE
  value: /etc/chancery/kek/kek
{{- with .Values.kek.former }}
- name: CHANCERY_FORMER_KEK_FILES
  value: {{ range $at, $_ := . }}{{ if $at }},{{ end }}/etc/chancery/former-kek-{{ $at }}/kek{{ end }}
{{- end }}
{{- if .Values.statements.enabled }}
- name: CHANCERY_STATEMENT_KEY_FILE
  value: /etc/chancery/statement-key/statement.key
{{- end }}
{{- $watched := include "chancery.watchNamespaces" . | fromJsonArray }}
{{- if not .Values.watchAllNamespaces }}
- name: CHANCERY_WATCH_NAMESPACES
  value: {{ join "," $watched | quote }}
{{- end }}
- name: CHANCERY_LEASE_NAME
  value: {{ include "chancery.operator.name" . }}
- name: CHANCERY_LISTEN
  value: 0.0.0.0:{{ .Values.metrics.port }}
{{- if eq (int .Values.probes.port) (int .Values.metrics.port) }}
{{- fail "probes.port and metrics.port are the same; give each a port of its own" }}
{{- end }}
- name: CHANCERY_LISTEN_FOR_PROBES
  value: 0.0.0.0:{{ .Values.probes.port }}
- name: CHANCERY_SIGNER_IMAGE
  value: {{ include "chancery.image" (list . .Values.signer.image) }}
- name: CHANCERY_SIGNER_IMAGE_PULL_POLICY
  value: {{ .Values.image.pullPolicy }}
{{- with include "chancery.database.signerUrlKey" . }}
- name: CHANCERY_SIGNER_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "chancery.database.secretName" $ }}
      key: {{ . }}
{{- end }}
{{- with include "chancery.signer.serviceAccountName" . }}
- name: CHANCERY_SIGNER_SERVICE_ACCOUNT
  value: {{ . }}
{{- end }}
- name: CHANCERY_SIGNER_ALLOWED
  value: {{ toJson .Values.signer.allowed | quote }}
{{- include "chancery.jobs.checkPrefixes" . }}
- name: CHANCERY_INTAKE_IMAGE
  value: {{ include "chancery.image" (list . .Values.intake.image) }}
{{- with include "chancery.intake.serviceAccountName" . }}
- name: CHANCERY_INTAKE_SERVICE_ACCOUNT
  value: {{ . }}
{{- end }}
- name: CHANCERY_INTAKE_READERS
  value: {{ .Values.intake.readers | quote }}
- name: CHANCERY_INTAKE_TEMPLATE
  value: {{ include "chancery.jobs.template" .Values.intake.template | quote }}
- name: CHANCERY_INTAKE_ALLOWED
  value: {{ toJson .Values.intake.allowed | quote }}
- name: CHANCERY_DELIVERY_IMAGE
  value: {{ include "chancery.image" (list . .Values.delivery.image) }}
{{- with include "chancery.delivery.serviceAccountName" . }}
- name: CHANCERY_DELIVERY_SERVICE_ACCOUNT
  value: {{ . }}
{{- end }}
- name: CHANCERY_DELIVERY_SENDERS
  value: {{ .Values.delivery.senders | quote }}
- name: CHANCERY_DELIVERY_TEMPLATE
  value: {{ include "chancery.jobs.template" .Values.delivery.template | quote }}
- name: CHANCERY_DELIVERY_ALLOWED
  value: {{ toJson .Values.delivery.allowed | quote }}
{{- if .Values.gateway.enabled }}
- name: CHANCERY_GATEWAY_URL
  value: {{ include "chancery.gateway.url" . }}
{{- end }}
- name: CHANCERY_LIMITS
  value: {{ toJson .Values.limits | quote }}
{{- with include "chancery.database.capacity" . }}
- name: CHANCERY_DATABASE_CAPACITY
  value: {{ . | quote }}
{{- with $.Values.database.floor }}
- name: CHANCERY_DATABASE_FLOOR
  value: {{ . | quote }}
{{- end }}
{{- end }}
- name: CHANCERY_LOG_FORMAT
  value: {{ .Values.logs.format }}
- name: RUST_LOG
  value: {{ .Values.logs.level | quote }}
{{- with .Values.traces.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{/* How the pods of intakes or deliveries are made, as JSON, without what is empty. Called with the template of the values. */}}
{{- define "chancery.jobs.template" -}}
{{- $found := dict }}
{{- range $name, $value := . }}
{{- if $value }}
{{- $_ := set $found $name $value }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Settings of the container that migrates the ledger. */}}
{{- define "chancery.migrate.env" -}}
{{- range $variable, $key := dict "DATABASE_URL" (include "chancery.database.ownerUrlKey" .) "CHANCERY_OPERATOR_DATABASE_URL" (include "chancery.database.operatorUrlKey" .) "CHANCERY_GATEWAY_DATABASE_URL" (include "chancery.database.gatewayUrlKey" .) }}
{{- if $key }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ include "chancery.database.secretName" $ }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- with .Values.database.tls.mode }}
- name: PGSSLMODE
  value: {{ . }}
{{- end }}
{{- if include "chancery.database.hasCa" . }}
- name: PGSSLROOTCERT
  value: /etc/chancery/database-ca/ca.crt
{{- end }}
- name: RUST_LOG
  value: {{ .Values.logs.level | quote }}
{{- end }}

{{/* How the pods of a component are spread. Called with (list . COMPONENT CONSTRAINTS). */}}
{{- define "chancery.spread" -}}
{{- $selector := dict "matchLabels" (include "chancery.selectorLabels" (list (index . 0) (index . 1)) | fromYaml) }}
{{- $constraints := index . 2 }}
{{- if kindIs "string" $constraints }}
{{- $constraints = list }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
{{- $constraints = append $constraints (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway" "matchLabelKeys" (list "pod-template-hash")) }}
{{- end }}
{{- end }}
{{- with $constraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{ merge (deepCopy .) (dict "labelSelector" $selector) | toJson }}
  {{- end }}
{{- end }}
{{- end }}
