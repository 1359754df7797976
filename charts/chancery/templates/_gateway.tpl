{{/* What the gateway is told. docs/operating/http-api-on-a-cluster.md says how it goes together. */}}

{{/* Where programs of the cluster push to. */}}
{{- define "chancery.gateway.url" -}}
{{- $port := int .Values.gateway.service.port }}
{{- printf "https://%s.%s.svc%s" (include "chancery.gateway.name" .) .Release.Namespace (ternary "" (printf ":%d" $port) (eq $port 443)) }}
{{- end }}

{{/* Of the whole cluster, in which other releases may have gateways too. */}}
{{- define "chancery.gateway.clusterRoleName" -}}
{{ include "chancery.gateway.name" . }}.{{ .Release.Namespace }}
{{- end }}

{{/* Secret with the certificate and its key. */}}
{{- define "chancery.gateway.tlsSecret" -}}
{{- if not .Values.gateway.tls.existingSecret }}
{{- fail "gateway.enabled is true, and gateway.tls.existingSecret is empty: name a Secret of the type kubernetes.io/tls, such as cert-manager makes; docs/operating/http-api-on-a-cluster.md has the commands" }}
{{- end }}
{{- .Values.gateway.tls.existingSecret }}
{{- end }}

{{- define "chancery.gateway.env" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "chancery.database.secretName" . }}
      key: {{ include "chancery.database.gatewayUrlKey" . }}
{{- with .Values.database.tls.mode }}
- name: PGSSLMODE
  value: {{ . }}
{{- end }}
{{- if include "chancery.database.hasCa" . }}
- name: PGSSLROOTCERT
  value: /etc/chancery/database-ca/ca.crt
{{- end }}
- name: CHANCERY_LISTEN
  value: 0.0.0.0:8443
- name: CHANCERY_LISTEN_FOR_METRICS
  value: 0.0.0.0:{{ .Values.metrics.port }}
- name: CHANCERY_LISTEN_FOR_PROBES
  value: 0.0.0.0:{{ .Values.probes.port }}
- name: CHANCERY_TLS_CERTIFICATE_FILE
  value: /etc/chancery/tls/tls.crt
- name: CHANCERY_TLS_KEY_FILE
  value: /etc/chancery/tls/tls.key
- name: CHANCERY_AUDIENCE
  value: {{ .Values.gateway.audience | quote }}
- name: CHANCERY_BELIEVE_FOR
  value: {{ .Values.gateway.believeSeconds | quote }}
- name: CHANCERY_DRAIN
  value: {{ .Values.gateway.drainSeconds | quote }}
- name: CHANCERY_LOG_FORMAT
  value: {{ .Values.logs.format }}
- name: RUST_LOG
  value: {{ .Values.logs.level | quote }}
{{- with .Values.traces.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{/* The volume with the CA of the database. */}}
{{- define "chancery.database.caVolume" -}}
{{- $ca := .Values.database.tls.ca }}
- name: database-ca
  {{- if $ca.existingSecret }}
  secret:
    secretName: {{ $ca.existingSecret }}
  {{- else }}
  configMap:
    name: {{ default (printf "%s-database-ca" (include "chancery.fullname" .)) $ca.existingConfigMap }}
  {{- end }}
    defaultMode: 292 # 0444
    items:
      - key: {{ ternary "ca.crt" $ca.key (not (empty $ca.pem)) }}
        path: ca.crt
{{- end }}
