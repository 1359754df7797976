{{/*
  The programs whose Jobs the operator makes, each by its component, and all that the pods of such a Job may
  be. The admission policy takes everything from here: a program that is added to Chancery joins this list.
  What each of their Jobs has in common is in templates/admissionpolicy.yaml.
*/}}
{{- define "chancery.jobs.programs" -}}
signer:
  # The Job of the run RUN is named RUN-signer, and the Secret of its pods RUN-signer- and ten letters and digits.
  suffix: -signer
  # What the Secret of its pods belongs to, and goes with.
  secretOwner: SigningRun
  container: signer
  command: /chancery-signer
  image: {{ include "chancery.image" (list . .Values.signer.image) }}
  serviceAccount: {{ include "chancery.signer.serviceAccountName" . | quote }}
  # What the pods may have besides, by the run's template.
  allowed: {{ pick .Values.signer.allowed "serviceAccountNames" "priorityClassNames" "runtimeClassNames" "tolerations" | toJson }}
  # How the names begin of Secrets and claims of others that its pods may mount.
  secretPrefixes: []
  claimPrefixes: []
  # Whether they write to those claims.
  writes: false
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
      - RUST_LOG
      - TRACEPARENT
intake:
  suffix: -intake
  secretOwner: Job
  container: intake
  command: /chancery-intake
  image: {{ include "chancery.image" (list . .Values.intake.image) }}
  serviceAccount: {{ include "chancery.intake.serviceAccountName" . | quote }}
  # What the values give the pods.
  {{- $template := .Values.intake.template }}
  allowed:
    serviceAccountNames: []
    priorityClassNames: {{ compact (list $template.priorityClassName) | toJson }}
    runtimeClassNames: {{ compact (list $template.runtimeClassName) | toJson }}
    tolerations: {{ $template.tolerations | toJson }}
  secretPrefixes: {{ .Values.intake.allowed.secretPrefixes | toJson }}
  claimPrefixes: {{ .Values.intake.allowed.claimPrefixes | toJson }}
  writes: false
  environment:
    fromSecret:
      DATABASE_URL: database-url
    fromPod:
      POD_NAME: metadata.name
      POD_UID: metadata.uid
    fixed:
      CHANCERY_HOLDER: $(POD_NAME)/$(POD_UID)
      CHANCERY_CREDENTIALS_DIR: /etc/chancery/credentials
      CHANCERY_TERMINATION_LOG: /dev/termination-log
      {{- with .Values.database.tls.mode }}
      PGSSLMODE: {{ . }}
      {{- end }}
      {{- with .Values.traces.otlpEndpoint }}
      OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
      {{- end }}
    free:
      - CHANCERY_GRACE
      - CHANCERY_LOG_FORMAT
      - CHANCERY_NAMESPACE
      - CHANCERY_READERS
      - CHANCERY_RUN
      - CHANCERY_RUN_UID
      - CHANCERY_STOPPED_EXIT
      - RUST_LOG
      - TRACEPARENT
delivery:
  suffix: -delivery
  secretOwner: Job
  container: delivery
  command: /chancery-delivery
  image: {{ include "chancery.image" (list . .Values.delivery.image) }}
  serviceAccount: {{ include "chancery.delivery.serviceAccountName" . | quote }}
  {{- $template := .Values.delivery.template }}
  allowed:
    serviceAccountNames: []
    priorityClassNames: {{ compact (list $template.priorityClassName) | toJson }}
    runtimeClassNames: {{ compact (list $template.runtimeClassName) | toJson }}
    tolerations: {{ $template.tolerations | toJson }}
  secretPrefixes: {{ .Values.delivery.allowed.secretPrefixes | toJson }}
  claimPrefixes: {{ .Values.delivery.allowed.claimPrefixes | toJson }}
  writes: true
  environment:
    fromSecret:
      DATABASE_URL: database-url
    fromPod:
      POD_NAME: metadata.name
      POD_UID: metadata.uid
    fixed:
      CHANCERY_HOLDER: $(POD_NAME)/$(POD_UID)
      CHANCERY_CREDENTIALS_DIR: /etc/chancery/credentials
      CHANCERY_TERMINATION_LOG: /dev/termination-log
      {{- with .Values.database.tls.mode }}
      PGSSLMODE: {{ . }}
      {{- end }}
      {{- with .Values.traces.otlpEndpoint }}
      OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
      {{- end }}
    free:
      - CHANCERY_GRACE
      - CHANCERY_LOG_FORMAT
      - CHANCERY_NAMESPACE
      - CHANCERY_RUN
      - CHANCERY_RUN_UID
      - CHANCERY_SENDERS
      - CHANCERY_STOPPED_EXIT
      - RUST_LOG
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
{{- range $component, $program := include "chancery.jobs.programs" . | fromYaml }}
{{- $_ := set $found $component (prepend $program.allowed.serviceAccountNames $program.serviceAccount) }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/* The tolerations that are allowed, as a CEL map from components to lists in which each has every field. */}}
{{- define "chancery.jobs.tolerations" -}}
{{- $found := dict }}
{{- range $component, $program := include "chancery.jobs.programs" . | fromYaml }}
{{- $tolerations := list }}
{{- range $program.allowed.tolerations }}
{{- $fields := pick . "key" "operator" "value" "effect" }}
{{- $tolerations = append $tolerations (merge (deepCopy $fields) (dict "key" "" "operator" "Equal" "value" "" "effect" "")) }}
{{- end }}
{{- $_ := set $found $component $tolerations }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{/*
  Fails if the prefixes of the Secrets that sources and sinks may name let a run name one of the release's own, whose content
  an endpoint of its own would see.
*/}}
{{- define "chancery.jobs.checkPrefixes" -}}
{{- $own := list (include "chancery.kek.secretName" .) (include "chancery.database.secretName" .) (include "chancery.statements.secretName" .) }}
{{- range .Values.kek.former }}
{{- $own = append $own .existingSecret }}
{{- end }}
{{- with .Values.gateway.tls.existingSecret }}
{{- $own = append $own . }}
{{- end }}
{{- range $program, $allowed := dict "intake" .Values.intake.allowed "delivery" .Values.delivery.allowed }}
{{- range $prefix := $allowed.secretPrefixes }}
{{- range $own }}
{{- if hasPrefix $prefix . }}
{{- fail (printf "%s.allowed.secretPrefixes: %q would let runs name the Secret %s of the release; give a longer prefix" $program $prefix .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the admission policy is made: "true" or nothing. */}}
{{- define "chancery.admissionPolicy.enabled" -}}
{{- if and .Values.admissionPolicy.enabled (not .Values.rbac.namespaced) }}true{{ end }}
{{- end }}
