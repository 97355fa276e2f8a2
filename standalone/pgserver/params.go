package pgserver

import (
	"fmt"
	"runtime"
	"sort"
	"strconv"
)

// fixed parameters hold the package's promises: no TCP, a private socket, and no commit that a power cut can take back.
var fixed = map[string]string{
	"listen_addresses":        "",
	"port":                    "5432",
	"unix_socket_permissions": "0700",
	"fsync":                   "on",
	"full_page_writes":        "on",
	"synchronous_commit":      "on",
}

// defaults suit a small machine that runs everything of peerflow.
func defaults(major string) map[string]string {
	p := map[string]string{
		"max_connections": "120", // Temporal's two stores, peerflow's own pools, and room for psql
		"shared_buffers":  "128MB",
		"jit":             "off", // it costs memory in every backend and helps only queries that we don't have
		"log_timezone":    "UTC",
	}
	if n, _ := strconv.ParseFloat(major, 64); n >= 14 && runtime.GOOS == "linux" {
		p["recovery_init_sync_method"] = "syncfs" // after a crash: one call instead of opening every file
	}
	return p
}

// arguments turns parameters into postgres's command line, the operator's over the defaults.
func arguments(clusterDir, socketDir, major string, operator map[string]string) ([]string, error) {
	params := defaults(major)
	for name, value := range operator {
		if _, ok := fixed[name]; ok || name == "unix_socket_directories" || name == "data_directory" {
			return nil, fmt.Errorf("PostgreSQL parameter %s can't be changed here", name)
		}
		params[name] = value
	}
	for name, value := range fixed {
		params[name] = value
	}
	args := []string{"-D", clusterDir, "-k", socketDir}
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		args = append(args, "-c", name+"="+params[name])
	}
	return args, nil
}
