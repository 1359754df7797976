{{/*
  Where the operator, the signers, the intakes and the deliveries may connect to. A destination is named where it can be known: from a host
  that is an address, or a Service of the cluster; else a port is all that is limited.
*/}}

{{/* Ports of the database, as a JSON list. */}}
{{- define "chancery.database.ports" -}}
{{- $ports := .Values.networkPolicy.databasePorts }}
{{- if not $ports }}
{{- range default (list "") .Values.networkPolicy.databaseHosts }}
{{- $ports = append $ports (regexFind ":[0-9]+$" . | trimPrefix ":" | default "5432" | atoi) }}
{{- end }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{/* Port of the OTLP endpoint, or nothing. */}}
{{- define "chancery.otlpPort" -}}
{{- with .Values.traces.otlpEndpoint }}
{{- $port := regexFind ":[0-9]+(/|$)" (regexReplaceAll "^[a-z]+://" . "") | trimAll ":/" }}
{{- default (ternary "443" "80" (hasPrefix "https:" .)) $port }}
{{- end }}
{{- end }}

{{/* Where the host of a URL is, as a JSON list of the peers of a NetworkPolicy; none if that is not known. */}}
{{- define "chancery.peersOfUrl" -}}
{{- $host := regexFind "^[^/?]*" (regexReplaceAll "^[a-z]+://([^@]*@)?" . "") | regexFind "^[A-Za-z0-9.-]+(:[0-9]+)?$" }}
{{- $host = regexReplaceAll ":[0-9]+$" $host "" }}
{{- $parts := splitList "." $host }}
{{- if regexMatch "^[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+$" $host }}
{{- list (dict "ipBlock" (dict "cidr" (printf "%s/32" $host))) | toJson }}
{{- else if and (ge (len $parts) 3) (eq (index (append (append (append $parts "") "") "") 2) "svc") }}
{{- $labels := dict "kubernetes.io/metadata.name" (index $parts 1) }}
{{- list (dict "namespaceSelector" (dict "matchLabels" $labels)) | toJson }}
{{- else }}
{{- list | toJson }}
{{- end }}
{{- end }}

{{/* Where the database is, as a JSON list of peers; none: anywhere. */}}
{{- define "chancery.database.peers" -}}
{{- $peers := .Values.networkPolicy.databaseTo }}
{{- if include "chancery.postgresql.enabled" . }}
{{- $namespace := dict "matchLabels" (dict "kubernetes.io/metadata.name" .Release.Namespace) }}
{{- $pods := dict "matchLabels" (include "chancery.selectorLabels" (list . "postgresql") | fromYaml) }}
{{- $peers = list (dict "namespaceSelector" $namespace "podSelector" $pods) }}
{{- else if not $peers }}
{{- $open := false }}
{{- range .Values.networkPolicy.databaseHosts }}
{{- $found := include "chancery.peersOfUrl" . | fromJsonArray }}
{{- $open = or $open (empty $found) }}
{{- $peers = concat $peers $found | uniq }}
{{- end }}
{{- if $open }}
{{- $peers = list }}
{{- end }}
{{- end }}
{{- $peers | toJson }}
{{- end }}

{{/* Where traces go, as a JSON list of peers; none: anywhere. */}}
{{- define "chancery.traces.peers" -}}
{{- if .Values.networkPolicy.tracesTo }}
{{- .Values.networkPolicy.tracesTo | toJson }}
{{- else }}
{{- include "chancery.peersOfUrl" .Values.traces.otlpEndpoint }}
{{- end }}
{{- end }}

{{/*
  Where the sources or sinks of runs may be, as a JSON list of peers: anywhere but where machines keep their own credentials,
  unless it is said. Pods of the cluster are named besides, since some network plug-ins look for them in no block of addresses.
  Called with what is said.
*/}}
{{- define "chancery.outside.peers" -}}
{{- if . }}
{{- . | toJson }}
{{- else }}
{{- $v4 := list "169.254.0.0/16" "100.100.100.200/32" "168.63.129.16/32" "192.0.0.192/32" }}
{{- $v6 := list "fe80::/10" "fd00:ec2::254/128" "fd20:ce::254/128" }}
{{- list (dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" $v4)) (dict "ipBlock" (dict "cidr" "::/0" "except" $v6)) (dict "namespaceSelector" dict) | toJson }}
{{- end }}
{{- end }}

{{/* One rule: these ports, of these peers; of all if there are none. Called with (list PORTS PEERS). */}}
{{- define "chancery.networkPolicy.rule" -}}
- ports:
    {{- range index . 0 }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with index . 1 }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* What operator, signers, intakes and deliveries have in common: names, the database, traces. */}}
{{- define "chancery.networkPolicy.egress" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  {{- with .Values.networkPolicy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- $ports := include "chancery.database.ports" . | fromJsonArray }}
{{- if include "chancery.postgresql.enabled" . }}
{{- $ports = list "postgresql" }}
{{- end }}
{{ include "chancery.networkPolicy.rule" (list $ports (include "chancery.database.peers" . | fromJsonArray)) }}
{{- with include "chancery.otlpPort" . }}
{{ include "chancery.networkPolicy.rule" (list (list .) (include "chancery.traces.peers" $ | fromJsonArray)) }}
{{- end }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}
