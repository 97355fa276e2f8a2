package pgserver

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMajorOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)": "15",
		"postgres (PostgreSQL) 18beta1":                        "18",
		"postgres (PostgreSQL) 9.6.24":                         "9.6",
		"postgres (Fancy) 3":                                   "",
	} {
		got, err := majorOf(text)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("majorOf(%q) = %q, %v", text, got, err)
		}
	}
}

func TestNewestVersionComesFirst(t *testing.T) {
	t.Parallel()
	dirs := []string{"/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin"}
	sortByMajor(dirs)
	want := []string{"/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/9.6/bin"}
	if !slices.Equal(dirs, want) {
		t.Errorf("%v", dirs)
	}
}

func TestTheClusterChoosesItsVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	found := []binaries{{dir: "/new", major: "17"}, {dir: "/old", major: "15"}}
	if b, err := choose(found, dir); err != nil || b.major != "17" {
		t.Errorf("a new cluster got %v, %v; want the newest", b, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := choose(found, dir); err != nil || b.major != "15" {
		t.Errorf("a cluster of version 15 got %v, %v", b, err)
	}
	twice := []binaries{{dir: "/path", major: "17"}, {dir: "/new", major: "17"}}
	if _, err := choose(twice, dir); err == nil || !strings.Contains(err.Error(), "written by PostgreSQL 15, and this machine has PostgreSQL 17: install version 15") {
		t.Errorf("without version 15: %v", err)
	}
}

func TestMissingBinariesNameThePackage(t *testing.T) {
	t.Setenv(BinariesEnv, "")
	if !strings.Contains(errNoBinaries.Error(), "apt-get install postgresql") {
		t.Error(errNoBinaries)
	}
	t.Setenv(BinariesEnv, filepath.Join(t.TempDir(), "nowhere"))
	if _, err := findBinaries(); err == nil || !strings.Contains(err.Error(), BinariesEnv) {
		t.Errorf("err = %v", err)
	}
}

func TestParametersThatKeepDataSafeAreFixed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"synchronous_commit", "fsync", "full_page_writes", "listen_addresses", "unix_socket_directories"} {
		if _, err := arguments("/d", "/s", "15", map[string]string{name: "off"}); err == nil {
			t.Errorf("%s could be changed", name)
		}
	}
	args, err := arguments("/d", "/s", "15", map[string]string{"shared_buffers": "512MB"})
	if err != nil || !slices.Contains(args, "shared_buffers=512MB") || !slices.Contains(args, "synchronous_commit=on") {
		t.Errorf("%v, %v", args, err)
	}
}

func TestFolderThatTheDatabaseUserCannotPassIsNamed(t *testing.T) {
	t.Parallel()
	shut := filepath.Join(dataDir(t), "shut")
	inside := filepath.Join(shut, "inside")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	stranger := account{name: "stranger", uid: 4242, gid: 4242, borrowed: true}
	if err := stranger.reach(inside); err != nil {
		t.Fatalf("open folders: %v", err)
	}
	if err := os.Chmod(shut, 0o700); err != nil {
		t.Fatal(err)
	}
	err := stranger.reach(inside)
	if err == nil || !strings.Contains(err.Error(), shut+" (mode 0700): chmod o+x "+shut) {
		t.Fatalf("err = %v", err)
	}
}

func TestSocketFolderMadeByOthersIsRefused(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	who, err := databaseAccount()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := claim(link, who); err == nil {
		t.Error("a symbolic link was accepted")
	}
	foreign := "/usr" // root's: a stranger's for everyone else
	if os.Geteuid() == 0 {
		foreign = filepath.Join(dir, "foreign")
		if err := os.Mkdir(foreign, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(foreign, 4242, 4242); err != nil {
			t.Fatal(err)
		}
	}
	if err := claim(foreign, who); err == nil || !strings.Contains(err.Error(), "belongs to user id") {
		t.Errorf("a stranger's folder: %v", err)
	}
}
