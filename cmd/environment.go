package cmd

import "github.com/spf13/cobra"

// environmentTopic is `peerflow help environment`.
func environmentTopic() *cobra.Command {
	return &cobra.Command{Use: "environment", Short: "The variables that processes read", Long: `Commands:
  PEERFLOW_API                    address of the API; http://127.0.0.1:8480
  PEERFLOW_TOKEN                  the token; else the file "token" of the data folder
  PEERFLOW_DATA                   the data folder; ./peerflow-data
  NO_COLOR                        set to anything: no colours

migrate, api, worker, and up in place of what it would start itself:
  PEERFLOW_DATABASE_URL           postgres://user@host:5432/peerflow?sslmode=verify-full&passfile=…
  PEERFLOW_TEMPORAL_ADDRESS       host:port of Temporal's frontend
  PEERFLOW_TEMPORAL_NAMESPACE     default
  PEERFLOW_TEMPORAL_TLS           true or false; the next four turn it on, too
  PEERFLOW_TEMPORAL_CA            file that the server's certificate is checked with; the system's
  PEERFLOW_TEMPORAL_CERT          file with a client certificate
  PEERFLOW_TEMPORAL_KEY           file with its key
  PEERFLOW_TEMPORAL_SERVER_NAME   name in the server's certificate; the address's
  PEERFLOW_TEMPORAL_API_KEY_FILE  file with an API key, by TLS only
  PEERFLOW_TEMPORAL_SECRET        bearer token, for a server that peerflow up runs
  PEERFLOW_KEY_FILE               the envelope key of the secrets, the same for every process

api:
  PEERFLOW_LISTEN                 host:port; 127.0.0.1:8480
  PEERFLOW_HOSTS                  names it is reached by, beside localhost, with commas between

worker:
  PEERFLOW_SITES                  slugs of the sites whose routers it reaches, with commas between; every site

worker, up:
  PEERFLOW_PROVENANCE             false: it isn't kept which template lines and records made a router's lines; true
  PEERFLOW_PEERINGDB_URL          https://www.peeringdb.com/api
  PEERFLOW_PEERINGDB_KEY          its API key; asks anonymously, which PeeringDB limits sooner

api, worker, up:
  PEERFLOW_POLL                   pause between two looks at a router; 60s

up:
  PEERFLOW_POSTGRES_BIN           folder with PostgreSQL's programs; where the system has them`}
}
