{{/* Names and labels. */}}

{{- define "chancery.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Cut to 50 characters: "-postgresql-0" and the like come behind it. */}}
{{- define "chancery.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "chancery.operator.name" -}}
{{ include "chancery.fullname" . }}-operator
{{- end }}

{{- define "chancery.gateway.name" -}}
{{ include "chancery.fullname" . }}-gateway
{{- end }}

{{- define "chancery.postgresql.name" -}}
{{ include "chancery.fullname" . }}-postgresql
{{- end }}

{{- define "chancery.test.name" -}}
{{ include "chancery.fullname" . }}-test
{{- end }}

{{- define "chancery.operator.serviceAccountName" -}}
{{- $account := .Values.operator.serviceAccount }}
{{- if $account.create }}
{{- default (include "chancery.operator.name" .) $account.name }}
{{- else }}
{{- default "default" $account.name }}
{{- end }}
{{- end }}

{{- define "chancery.gateway.serviceAccountName" -}}
{{- $account := .Values.gateway.serviceAccount }}
{{- if $account.create }}
{{- default (include "chancery.gateway.name" .) $account.name }}
{{- else }}
{{- default "default" $account.name }}
{{- end }}
{{- end }}

{{/* Empty: the default of the run's namespace. */}}
{{- define "chancery.signer.serviceAccountName" -}}
{{- $account := .Values.signer.serviceAccount }}
{{- if $account.create }}
{{- default (printf "%s-signer" (include "chancery.fullname" .)) $account.name }}
{{- else }}
{{- $account.name }}
{{- end }}
{{- end }}

{{/* Empty: the default of the run's namespace. */}}
{{- define "chancery.intake.serviceAccountName" -}}
{{- $account := .Values.intake.serviceAccount }}
{{- if $account.create }}
{{- default (printf "%s-intake" (include "chancery.fullname" .)) $account.name }}
{{- else }}
{{- $account.name }}
{{- end }}
{{- end }}

{{/* Empty: the default of the run's namespace. */}}
{{- define "chancery.delivery.serviceAccountName" -}}
{{- $account := .Values.delivery.serviceAccount }}
{{- if $account.create }}
{{- default (printf "%s-delivery" (include "chancery.fullname" .)) $account.name }}
{{- else }}
{{- $account.name }}
{{- end }}
{{- end }}

{{/* What selects the pods of a component. Called with (list . COMPONENT). */}}
{{- define "chancery.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "chancery.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Labels of an object. Called with (list . COMPONENT). */}}
{{- define "chancery.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: chancery
{{ include "chancery.selectorLabels" . }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
  Labels of a component's pods: nothing that changes with every version, lest an upgrade of the chart
  restart pods that stay as they are. Called with (list . COMPONENT OWN).
*/}}
{{- define "chancery.podLabels" -}}
{{- $root := index . 0 -}}
{{- merge (dict) (include "chancery.selectorLabels" . | fromYaml) (index . 2) $root.Values.commonLabels | toYaml }}
{{- end }}

{{/* Annotations of an object, with their heading. Called with (list . OWN...), each a map. */}}
{{- define "chancery.annotations" -}}
{{- $root := first . -}}
{{- $all := dict }}
{{- range concat (list $root.Values.commonAnnotations) (rest .) }}
{{- $all = mergeOverwrite $all (deepCopy (default dict .)) }}
{{- end }}
{{- with $all }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What the operator labels its signer pods with, whatever the run. */}}
{{- define "chancery.signer.podLabels" -}}
app.kubernetes.io/name: chancery
app.kubernetes.io/component: signer
app.kubernetes.io/managed-by: chancery-operator
{{- end }}

{{/* What the operator labels its intake pods with, whatever the run. */}}
{{- define "chancery.intake.podLabels" -}}
app.kubernetes.io/name: chancery
app.kubernetes.io/component: intake
app.kubernetes.io/managed-by: chancery-operator
{{- end }}

{{/* What the operator labels its delivery pods with, whatever the run. */}}
{{- define "chancery.delivery.podLabels" -}}
app.kubernetes.io/name: chancery
app.kubernetes.io/component: delivery
app.kubernetes.io/managed-by: chancery-operator
{{- end }}

{{/* An image. Called with (list . IMAGE). */}}
{{- define "chancery.image" -}}
{{- $root := index . 0 }}
{{- $image := index . 1 }}
{{- $name := $image.repository }}
{{- with $root.Values.image.registry }}
{{- $name = printf "%s/%s" . $name }}
{{- end }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default $root.Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{- define "chancery.imagePullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
