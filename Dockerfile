# The image holds one static binary and the certificates that https image sources need; it runs as nobody.
ARG GO_VERSION=1.26
FROM golang:${GO_VERSION} AS build
WORKDIR /workspace
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/altcos/cluster-api-provider-altcos/internal/manager.version=${VERSION}" -o /manager .
RUN mkdir -m 1777 /scratch

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /scratch /tmp
COPY --from=build /manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]
