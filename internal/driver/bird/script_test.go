package bird

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asNobody makes root's command one of a login that may not read everything.
func asNobody(cmd *exec.Cmd) {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

func TestFileThatTheLoginCannotSeeMayHaveBeenChanged(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		include string
		hide    string      // of the folder
		mode    os.FileMode // that it has
		code    int
		out     string
	}{
		"all is seen":                   {"peers/*.conf", "peers", 0o755, 0, ""},
		"what isn't there isn't hidden": {"none/a.conf", "peers", 0o755, 0, ""},
		"a file":                        {"peers/*.conf", "peers/a.conf", 0, exitUnseen, "peers/a.conf"},
		"a folder":                      {"peers/a.conf", "peers", 0, exitUnseen, "peers/a.conf"},
		"a folder's list":               {"peers/*.conf", "peers", 0o711, exitUnseen, "peers"},
		"a folder among others":         {"*/a.conf", "peers", 0, exitUnseen, "peers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "unseen-") // a test's own folder is its user's alone
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			defer os.Chmod(filepath.Join(dir, tt.hide), 0o700)
			now, loaded := time.Now().Format(dateTime), time.Now().Add(time.Minute).Format(dateTime) // after all was written
			if err := errors.Join(
				os.Chmod(dir, 0o755), os.Mkdir(dir+"/peers", 0o755), os.Mkdir(dir+"/more", 0o755), os.WriteFile(dir+"/more/a.conf", nil, 0o644), os.WriteFile(dir+"/peers/a.conf", nil, 0o644),
				os.WriteFile(dir+"/bird.conf", []byte("include \""+tt.include+"\";\n"), 0o644),
				os.WriteFile(dir+"/birdc.sh", fmt.Appendf(nil, "echo '1011-Current server time is %s'\necho '     Last reconfiguration on %s'\n", now, loaded), 0o644),
				os.Chmod(filepath.Join(dir, tt.hide), tt.mode),
			); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", prologue+unedited, "sh", dir, dir+"/bird.conf", dir+"/owned.conf", "sh "+dir+"/birdc.sh", "1", "hash", "1")
			asNobody(cmd)
			out, _ := cmd.CombinedOutput()
			want := ""
			if tt.out != "" {
				want = dir + "/" + tt.out
			}
			if code := cmd.ProcessState.ExitCode(); code != tt.code || strings.TrimSpace(string(out)) != want {
				t.Errorf("exit code %d, %q, want %d, %q", code, out, tt.code, want)
			}
		})
	}
}
