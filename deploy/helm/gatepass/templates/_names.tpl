{{- define "gatepass.labels" -}}
app.kubernetes.io/name: gatepass
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
