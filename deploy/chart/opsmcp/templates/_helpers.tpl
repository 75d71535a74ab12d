{{- define "opsmcp.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "opsmcp.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "opsmcp.labels" -}}
{{ include "opsmcp.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "opsmcp.image" -}}
{{- $suffix := ternary "-engine" "" (eq .Values.image.variant "engine") -}}
{{- $name := .Values.image.repository -}}
{{- with .Values.image.registry }}{{ $name = printf "%s/%s" . $name }}{{ end -}}
{{- if .Values.image.digest -}}
{{ $name }}@{{ .Values.image.digest }}
{{- else -}}
{{ $name }}:{{ .Values.image.tag | default (printf "%s%s" .Chart.AppVersion $suffix) }}
{{- end -}}
{{- end -}}

{{- define "opsmcp.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "opsmcp.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* opsmcp.yaml: `config`, and over it what the chart has values of its own for. */}}
{{- define "opsmcp.config" -}}
{{- $ours := dict -}}
{{- $server := dict -}}
{{- with .Values.publicUrl }}{{ $_ := set $server "public_url" . }}{{ end -}}
{{- if .Values.metrics.enabled }}{{ $_ := set $server "metrics_address" "0.0.0.0:9464" }}{{ end -}}
{{- if $server }}{{ $_ := set $ours "server" $server }}{{ end -}}
{{- $auth := dict -}}
{{- with .Values.auth.oidc }}{{ $_ := set $auth "oidc" . }}{{ end -}}
{{- if .Values.auth.existingTokensSecret }}{{ $_ := set $auth "tokens_file" "/etc/opsmcp/tokens/tokens.json" }}{{ end -}}
{{- if $auth }}{{ $_ := set $ours "auth" $auth }}{{ end -}}
{{- mergeOverwrite (deepCopy .Values.config) $ours | toYaml -}}
{{- end -}}
