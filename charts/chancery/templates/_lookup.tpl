{{/*
  One key of a Secret of the release's namespace, in base64.
  Called with (list . SECRET KEY VALUE), VALUE being what names the Secret.
*/}}
{{- define "chancery.keyOfSecret" -}}
{{- $root := index . 0 }}
{{- $found := default dict (lookup "v1" "Secret" $root.Release.Namespace (index . 1)).data }}
{{- $value := get $found (index . 2) }}
{{- if not $value }}
{{- fail (printf "%s: there is no Secret %s with the key %s in the namespace %s, or the cluster cannot be asked; make it first, or set signer.existingSecret" (index . 3) (index . 1) (index . 2) $root.Release.Namespace) }}
{{- end }}
{{- $value }}
{{- end }}
