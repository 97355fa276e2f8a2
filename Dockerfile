# The lean binary: api, worker, migrate and the operator's commands. PostgreSQL and Temporal run beside it (docker-compose.yml).
FROM golang:1.26.8-bookworm AS build
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -ldflags='-s -w' -o /peerflow ./cmd/peerflow

# Debian rather than an empty image: drivers speak SSH and TLS (ca-certificates), windows have time zones (tzdata),
# and the health check needs a shell.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 64512 --no-create-home --shell /usr/sbin/nologin peerflow
COPY --from=build /peerflow /usr/local/bin/peerflow
USER peerflow
EXPOSE 8480
ENTRYPOINT ["peerflow"]
CMD ["api"]
