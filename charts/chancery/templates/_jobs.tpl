{{/*
  The programs whose Jobs the operator makes, each by its component, and all that the pods of such a Job may
  be. The admission policy takes everything from here: a program that is added to Chancery joins this list.
  What each of their Jobs has in common is in templates/admissionpolicy.yaml.
*/}}
{{- define "chancery.jobs.programs" -}}
signer:
  # The Job of the run RUN is named RUN-signer, and the Secret of its pods RUN-signer- and ten letters and digits.
  suffix: -signer
  container: signer
  command: /chancery-signer
  image: {{ include "chancery.image" (list . .Values.signer.image) }}
  serviceAccount: {{ include "chancery.signer.serviceAccountName" . | quote }}
  environment:
    # Keys of the run's Secret.
    fromSecret:
      DATABASE_URL: database-url
    # Fields of its pod.
    fromPod:
      POD_NAME: metadata.name
      POD_UID: metadata.uid
    # Where the keys are, and where they and the database's password could be sent to.
    fixed:
      CHANCERY_HOLDER: $(POD_NAME)/$(POD_UID)
      CHANCERY_DATA_KEY_FILE: /etc/chancery/signer/data-key
      CHANCERY_TERMINATION_LOG: /dev/termination-log
      {{- with .Values.database.tls.mode }}
      PGSSLMODE: {{ . }}
      {{- end }}
      {{- if include "chancery.database.hasCa" . }}
      PGSSLROOTCERT: /etc/chancery/signer/ca.crt
      {{- end }}
      {{- with .Values.traces.otlpEndpoint }}
      OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
      {{- end }}
    # Any value.
    free:
      - CHANCERY_GRACE
      - CHANCERY_LISTEN
      - CHANCERY_LOG_FORMAT
      - CHANCERY_NAMESPACE
      - CHANCERY_RUN
      - CHANCERY_RUN_UID
      - CHANCERY_STOPPED_EXIT
      - TRACEPARENT
{{- end }}

{{/*
  One thing of every program, as a CEL map from components to it. Called with (list . FIELD), or with
  (list . "environment" FIELD).
*/}}
{{- define "chancery.jobs.each" -}}
{{- $found := dict }}
{{- range $component, $program := include "chancery.jobs.programs" (first .) | fromYaml }}
{{- $value := $program }}
{{- range rest $ }}
{{- $value = index $value . }}
{{- end }}
{{- $_ := set $found $component $value }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Names that are allowed beside the programs' own ServiceAccounts, as a CEL map from components to lists. */}}
{{- define "chancery.jobs.serviceAccounts" -}}
{{- $found := dict }}
{{- $allowed := .Values.signer.allowed.serviceAccountNames }}
{{- range $component, $program := include "chancery.jobs.programs" . | fromYaml }}
{{- $_ := set $found $component (prepend $allowed $program.serviceAccount) }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* The tolerations that are allowed, as a CEL list in which each has every field. */}}
{{- define "chancery.jobs.tolerations" -}}
{{- $found := list }}
{{- range .Values.signer.allowed.tolerations }}
{{- $found = append $found (merge (deepCopy .) (dict "key" "" "operator" "Equal" "value" "" "effect" "")) }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* Whether the admission policy is made: "true" or nothing. */}}
{{- define "chancery.admissionPolicy.enabled" -}}
{{- if and .Values.admissionPolicy.enabled (not .Values.rbac.namespaced) }}true{{ end }}
{{- end }}
