{{- define "router.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "router.selector" -}}
app.kubernetes.io/name: router
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "router.labels" -}}
{{ include "router.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "router.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "router.container" -}}
image: {{ include "router.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
envFrom:
  - secretRef:
      name: {{ .Values.secret }}
env:
  - name: ROUTER_CONFIG
    value: /etc/router/router.toml
  - name: ROUTER__SERVER__PID_FILE
    value: /tmp/router.pid
  - name: ROUTER__SERVER__WORKERS
    value: {{ .Values.workers | quote }}
  - name: ROUTER__DATABASE__URL
    value: {{ ternary "env:DATABASE_URL" "sqlite:////data/router.db" .Values.database.postgresql }}
  - name: ROUTER__PORTAL__ENABLED
    value: {{ .Values.portal.enabled | quote }}
  {{- with .Values.portal.publicUrl }}
  - name: ROUTER__PORTAL__PUBLIC_URL
    value: {{ . }}
  {{- end }}
  {{- with .Values.trustedProxies }}
  - name: ROUTER__SERVER__TRUSTED_PROXIES
    value: {{ join "," . | quote }}
  {{- end }}
  {{- if .Values.metrics.enabled }}
  - name: ROUTER__METRICS__LISTEN
    value: 0.0.0.0:9464
  - name: ROUTER__METRICS__TOKEN
    value: env:METRICS_TOKEN
  {{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/router
    readOnly: true
  - name: tmp
    mountPath: /tmp
  - name: data
    mountPath: /data
{{- end -}}
