package bird

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// Exit codes of our scripts.
const (
	exitSilent     = 70 // the daemon doesn't answer
	exitFolder     = 71 // the working folder or a file in it can't be used
	exitUnproven   = 72 // the installed file isn't the candidate
	exitNotStaged  = 73
	exitEdited     = 74 // a file of the operator's was edited and not loaded
	exitFenced     = 75
	exitBusy       = 76 // another command of ours holds the lock, or BIRD is still reconfiguring
	exitPending    = 77
	exitNotPending = 78
	exitCutShort   = 79 // the upload ended early
	exitReopens    = 80 // something was closed that the candidate would open
	exitTimeless   = 81 // BIRD doesn't tell date and time of its load
	exitFence      = 82 // the file .fence holds no token
	exitUnseen     = 83 // a file that BIRD includes can't be looked at
	exitBrokenOff  = 84 // the look at the files ended early
)

// prologue names the arguments that every script starts with, and two ways to
// ask the daemon. A birdc that hangs must not hold the lock for ever.
const prologue = `set -f
dir=$1 main=$2 owned=$3 birdc=$4 deployment=$5 hash=$6 token=$7
shift 7
unset TZ
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C
export PATH LC_ALL
candidate=$dir/candidate-$deployment.conf trial=$dir/main-$deployment.conf
bird() { timeout 60 $birdc -v "$@" 9>&- </dev/null; }
constant() { bird eval "$1" | sed -n 's/^0023 //p'; }
pending() { case $(bird configure status) in *0022-*) true ;; "") exit 70 ;; *) false ;; esac; }
ours() { [ "$(constant PEERFLOW_DEPLOYMENT)" = "$deployment" ] && [ "$(constant PEERFLOW_ARTIFACT)" = "$hash" ]; }
marked() { [ -f "$1" ] && head -n 1 "$1" | grep -qF "PEERFLOW_ARTIFACT = \"$hash\";"; }
` + loadTime + `umask 077
cd "$dir" || exit 71
`

// loadTime tells from show status when BIRD loaded what it runs, for find: in seconds since 1970. BIRD
// prints times in the zone in which it was started, which its own now tells from ours. Without fractions
// it is the second's end; a timeformat without date or time gives nothing to compare with.
const loadTime = `loaded() {
  told() { printf '%s\n' "$status" | sed -n "s/.*$1 \([0-9]*-[0-9]*-[0-9]* [0-9]*:[0-9]*:[0-9.]*\)$/\1/p"; }
  now=$(told 'Current server time is') last=$(told 'Last reconfiguration on')
  [ -n "$now" ] && [ -n "$last" ] || return 1
  there=$(date -d "$now" +%s) && here=$(date +%s) && at=$(date -d "$last" +%s) || return 1
  zone=$(((there - here + 173250) / 900 * 900 - 172800))
  case $last in *.*) fraction=${last##*.} ;; *) fraction=999999 ;; esac
  printf '@%s.%s\n' $((at - zone)) "$fraction"
}
newer() { find "$@" -maxdepth 0 '(' -newermt "$since" -o -newerct "$since" ')' 2>/dev/null; }
changed() { newer -P "$@" && newer -L "$@" || printf '%s\n' "$1"; }
`

// fence takes the lock and refuses a token older than the newest seen, before anything is written.
// The daemon must be able to read what we write: files get the owner of the owned file where we
// may give it, else its group.
const fence = `command exec 9>>.lock || exit 71
flock -w 5 9 || exit 76
seen=
[ ! -e .fence ] || seen=$(cat .fence) || exit 71
case $seen in *[!0-9]* | ???????????????????*) exit 82 ;; esac
[ "$token" -ge "${seen:-0}" ] || exit 75
if [ "$token" -gt "${seen:-0}" ]; then
  printf '%s\n' "$token" >.fence.new && sync .fence.new && mv -f .fence.new .fence || exit 71
fi
readable() {
  like=$owned
  [ -e "$like" ] || like=.
  chown --reference="$like" "$1" 2>/dev/null || chgrp --reference="$like" "$1" 2>/dev/null
  chmod 640 "$1"
}
`

// unedited refuses when the main file, or one that it includes, itself or by others, was changed after
// BIRD last loaded it: our trial would load somebody's edit along. A file that was moved here or linked
// to keeps its old time of writing; its status is newer. A file that a wildcard stands for no more shows
// in its folder, and another release behind a link in the link. A plain folder on the way to a file that
// no wildcard names may be another one unseen: its own times tell too much, editors' files among it. Names
// come one a line; what can't be looked at is marked, and so is the end of it all.
const unedited = `status=$(bird show status)
[ -n "$status" ] || exit 70
since=$(loaded) || exit 81
included() {
  names=$(sed -n 's/^[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1") || return 1
  for name in $names; do
    case $name in /*) ;; *) name=${1%/*}/$name ;; esac
    printf '%s\n' "$name"
  done
}
seen() {
  [ -r "$1" ] && return
  [ -r "${1%/*}" ] || [ ! -d "${1%/*}" ] || return 1
  case $(ls -d "$1" 2>&1) in *'No such file'*) ;; *) return 1 ;; esac
}
wild() { case $1 in *[*?[]*) true ;; *) false ;; esac; }
folders() {
  for at in $1; do
    while wild "$at"; do
      at=${at%/*}
      set +f
      for folder in $at; do
        if [ -d "$folder" ] && ! [ "$folder" -ef "$dir" ]; then printf '%s\n' "$folder"; fi
      done
      set -f
    done
  done
}
links() {
  for at in $1; do
    while at=${at%/*} && [ -n "$at" ]; do
      if [ -L "$at" ]; then printf '%s\n' "$at"; fi
    done
  done
}
edits() {
  within=$(folders "$1")
  for f in $within; do
    [ -r "$f" ] && [ -x "$f" ] || printf '!%s\n' "$f"
  done
  [ -z "$within" ] || changed $within
  set +f
  for f in $1; do seen "$f" || printf '!%s\n' "$f"; done
  files=$(for f in $1; do if [ -f "$f" ] && ! [ "$f" -ef "$owned" ]; then printf '%s\n' "$f"; fi; done)
  set -f
  [ -n "$files" ] || return 0
  changed $files
  by=$(links "$files")
  [ -z "$by" ] || newer -P $by || printf '!%s\n' "$1"
  [ "$2" -gt 0 ] || return 0
  including=$(grep -ls '^[[:space:]]*include' $files) || [ $? -eq 1 ] || printf '!%s\n' "$1"
  for f in $including; do
    below=$(included "$f") && (edits "$below" $(($2 - 1))) || printf '!%s\n' "$f"
  done
}
IFS='
'
found=$(edits "$main" 8 && printf '~\n')
case $found in *'~') ;; *) exit 84 ;; esac
edited=
for line in $found; do
  case $line in
  !*) printf '%s\n' "${line#!}"; exit 83 ;;
  /*) edited=${edited:-$line} ;;
  esac
done
unset IFS
[ -z "$edited" ] || { printf '%s\n' "$edited"; exit 74; }
`

// upload reads two files from stdin into place: the candidate, then the copy of the main file.
const upload = `put() {
  head -c "$2" >"$1.new" || { rm -f "$1.new"; exit 71; }
  [ "$(wc -c <"$1.new")" -eq "$2" ] || { rm -f "$1.new"; exit 79; }
  readable "$1.new" && mv -f "$1.new" "$1" || exit 71
}
put "$candidate" "$1"
put "$trial" "$2"
`

const stageScript = prologue + fence + unedited + upload

// checkScript needs no fence: its files have names of their own, and nothing is loaded.
const checkScript = prologue + `trap 'rm -f "$candidate" "$trial"' EXIT
readable() { chown --reference="$owned" "$1" 2>/dev/null || chgrp --reference="$owned" "$1" 2>/dev/null; chmod 640 "$1"; }
` + unedited + upload + `bird "configure check \"$trial\""
`

// commitScript reads again what must be staged: a candidate that isn't it to the byte is never loaded.
// Right before the load it looks for what is closed, apart from the protocols that are arguments, and
// whether the main file is still the one that was copied: somebody may have loaded an edit meanwhile.
const commitScript = prologue + fence + `same() { [ -f "$1" ] && head -c "$2" | cmp -s - "$1"; }
same "$candidate" "$1" && same "$trial" "$2" || exit 73
status=$(bird configure status)
case $status in *0022-*) exit 77 ;; *0003*) ;; "") exit 70 ;; *) exit 76 ;; esac
` + unedited + `seconds=$3 sum=$4
shift 4
protocols=$(bird show protocols) || exit 70
for closed in $(printf '%s\n' "$protocols" | sed -n 's/^\(1002.\|     \)\([^ ]*\) *[^ ]* *[^ ]* *down .*/\2/p'); do
  for expected; do [ "$closed" != "$expected" ] || continue 2; done
  printf '%s\n' "$closed"
  exit 80
done
[ "$(sha256sum <"$main")" = "$sum  -" ] || exit 73
bird "configure \"$trial\" timeout $seconds"
`

const confirmScript = prologue + fence + `pending && ours || exit 78
bird configure confirm
`

// abortScript looks again after the undo: if someone loaded another configuration
// between its check and its undo, the undo may have brought our trial back. What a command
// closed during the trial are its arguments: the undo opens it, and it is closed again at once.
const abortScript = prologue + fence + `pending && ours || exit 78
bird configure undo
for closed; do bird "disable '$closed'" >/dev/null; done
! ours || exit 77
`

// installScript keeps a second copy that nobody but us can read: if someone edits the owned file
// without loading it, the copy still tells what runs.
const installScript = prologue + fence + `pending && exit 77
[ "$(constant PEERFLOW_ARTIFACT)" = "$hash" ] || exit 78
if [ ! -f "$candidate" ] && marked "$owned"; then exit 0; fi
marked "$candidate" || exit 73
rm -f "$owned.new" installed.conf.new
cp "$candidate" installed.conf.new && chmod 600 installed.conf.new && mv -f installed.conf.new installed.conf || exit 71
cp "$candidate" "$owned.new" && readable "$owned.new" && sync "$owned.new" || exit 71
mv -f "$owned.new" "$owned" && sync "$dir" || exit 71
cmp -s "$candidate" "$owned" || exit 72
`

// discardScript keeps a candidate that runs and isn't installed: it is the only copy of what runs.
const discardScript = prologue + fence + `waits=no
if pending; then waits=yes; fi
if ours; then
  if [ $waits = yes ]; then exit 77; fi
  marked "$owned" || exit 0
fi
rm -f "$candidate" "$trial" "$candidate.new" "$trial.new"
`

// shutScript closes one session. A trial that waits for its confirmation isn't disturbed: it is
// neither loaded nor confirmed by this; when it is undone, BIRD opens the session again.
const shutScript = prologue + fence + `bird "disable '$1'"
`

// script runs one of the above for a commit, whose files carry the name.
func (r *Reader) script(ctx context.Context, script, name string, c driver.Commit, stdin []byte, args ...string) (result, error) {
	all := append([]string{
		r.settings.folder(), r.settings.Main, r.settings.Owned, r.settings.Birdc, name, c.Hash, strconv.FormatInt(c.Fence, 10),
	}, args...)
	res, err := r.shell.run(ctx, script, stdin, all...)
	if err != nil {
		return res, err
	}
	return res, r.exitError(res)
}

// exitError translates our own exit codes. birdc's 1 is judged by its replies.
func (r *Reader) exitError(res result) error {
	switch res.code {
	case 0, 1:
		return nil
	case exitSilent:
		return silent(r.router)
	case exitFenced:
		return fmt.Errorf("%s: %w", r.router, driver.ErrFenced)
	case exitBusy:
		return fmt.Errorf("%s: %w", r.router, driver.ErrLocked)
	case exitPending:
		return fmt.Errorf("%s: %w", r.router, driver.ErrPending)
	case exitNotPending:
		return fmt.Errorf("%s: %w", r.router, driver.ErrNotPending)
	case exitReopens:
		return fmt.Errorf("%s: %w", r.router, driver.ErrReopens)
	case exitCutShort:
		return fmt.Errorf("%s: %w: the upload ended early", r.router, driver.ErrUnreachable)
	case exitNotStaged:
		return peering.Errorf(peering.Conflict, "%s: what is staged isn't this deployment's candidate with the main file as it is now: stage it again", r.router)
	case exitEdited:
		return peering.Errorf(peering.Conflict, "%s: %s was changed after BIRD loaded it: load the change (birdc configure) or take it back, so that it doesn't ride along", r.router, strings.TrimSpace(res.out))
	case exitUnseen:
		return peering.Errorf(peering.Denied, "%s: this login can't read %s, which BIRD loads: let the login's group read it and its folder, and load that (birdc configure), so that what was changed can be told", r.router, strings.TrimSpace(res.out))
	case exitBrokenOff:
		return peering.Errorf(peering.Unavailable, "%s: the look for changes in its files broke off", r.router)
	case exitTimeless:
		return timeless(r.router)
	case exitFence:
		return peering.Errorf(peering.Conflict, "%s: %s/.fence doesn't hold the number of the newest attempt: remove the file once no change is under way on this router", r.router, r.settings.folder())
	case exitUnproven:
		return peering.Errorf(peering.Unavailable, "%s: %s isn't what was written to it", r.router, r.settings.Owned)
	case exitFolder:
		return peering.Errorf(peering.Denied, "%s: the login can't write to %s: make the folder, and the files in it, the login's own and of BIRD's group, on a disk with room", r.router, r.settings.folder())
	case 127:
		return peering.Errorf(peering.Unsupported, "%s: a program is missing there: peerflow needs sh, coreutils, diffutils, findutils, grep, sed and flock (util-linux)", r.router)
	}
	return peering.Errorf(peering.Unavailable, "%s: a command ended with code %d there", r.router, res.code)
}
