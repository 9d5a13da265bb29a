{{- define "clockmirror.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* A release that is called after the chart gives its things one name, not the same name twice. */ -}}
{{- define "clockmirror.fullname" -}}
{{- $name := include "clockmirror.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "clockmirror.releaseLabels" -}}
app.kubernetes.io/name: {{ include "clockmirror.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The pods that serve. What a selector selects by never changes, so it holds no version. */ -}}
{{- define "clockmirror.selectorLabels" -}}
{{ include "clockmirror.releaseLabels" . }}
app.kubernetes.io/component: api
{{- end -}}

{{- /* The pod of `helm test`, which no selector of a service may find. */ -}}
{{- define "clockmirror.testLabels" -}}
{{ include "clockmirror.releaseLabels" . }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "clockmirror.labels" -}}
{{ include "clockmirror.releaseLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "clockmirror.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "clockmirror.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "clockmirror.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- /* What Kubernetes calls restricted, and no writable file besides. */ -}}
{{- define "clockmirror.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "clockmirror.securityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop:
    - ALL
readOnlyRootFilesystem: true
{{- end -}}
