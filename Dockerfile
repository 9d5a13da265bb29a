# clockmirror: the program, CA certificates, the notices of what it is made of, nothing else. `make image` passes what it can't know: version, revision, time.
ARG BASE_IMAGE=public.ecr.aws/docker/library/golang:1.26.8-bookworm

# What is compiled already, where the context has it: buildspec/start-docker puts it there for an engine that is new.
FROM scratch AS compiled
COPY .compiled* /

# The compiler runs on the builder's own platform and cross-compiles, so no platform needs emulation.
FROM --platform=$BUILDPLATFORM ${BASE_IMAGE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /clockmirror
# As in the toolbox, whose cache has nothing of other flags; the program keeps no data for debuggers either way.
ENV CGO_ENABLED=0 GOFLAGS='-trimpath -tags=nomsgpack -gcflags=all=-dwarf=false'
COPY go.mod go.sum ./
COPY src ./src
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
ARG CREATED=unknown
# One time for all files, whenever they are built: layers differ only when their contents do.
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build,from=compiled \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build \
      -ldflags "-s -w -X main.version=$VERSION -X main.revision=$REVISION -X main.created=$CREATED" \
      -o /image/clockmirror ./src/cmd/clockmirror && \
    install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt && \
    go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}} {{.Dir}}{{end}}{{end}}' ./src/cmd/clockmirror | \
      sort -u | while read -r module folder; do \
        echo "== $module"; find "$folder" -maxdepth 1 -type f -iregex '.*/\(licen[cs]e\|notice\|copying\)[^/]*' | sort | xargs cat; \
      done >/image/THIRD_PARTY_NOTICES && \
    cat "$(go env GOROOT)/LICENSE" >>/image/THIRD_PARTY_NOTICES && \
    find /image -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

# The image's files come out of this stage, so there is no image without passed tests.
FROM build AS test
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build,from=compiled \
    go test -ldflags=-w ./src/...

FROM scratch
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="clockmirror" \
      org.opencontainers.image.description="Tells the time from a clock that is seen in a mirror" \
      org.opencontainers.image.source="https://github.com/clockmirror/clockmirror" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
COPY --from=test /image/ /
USER 65532:65532
EXPOSE 8080 9090
HEALTHCHECK --interval=5s --timeout=3s --retries=2 CMD ["/clockmirror", "healthcheck"]
ENTRYPOINT ["/clockmirror"]
