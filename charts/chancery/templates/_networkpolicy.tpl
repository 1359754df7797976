{{/* Where the operator and the signers may connect to: names, the database, traces. */}}
{{- define "chancery.networkPolicy.egress" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- if include "chancery.postgresql.enabled" . }}
- ports:
    - port: postgresql
      protocol: TCP
  to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Release.Namespace }}
      podSelector:
        matchLabels:
          {{- include "chancery.selectorLabels" (list . "postgresql") | nindent 10 }}
{{- else }}
- ports:
    {{- range include "chancery.database.ports" . | fromJsonArray }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
{{- end }}
{{- with include "chancery.otlpPort" . }}
- ports:
    - port: {{ . }}
      protocol: TCP
{{- end }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}
