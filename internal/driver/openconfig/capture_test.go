package openconfig

import (
	"os"
	"testing"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/bgp"
	"peerflow/internal/capture"
)

// An Arista EOS device's own answer: quoted counters, modules on some members,
// vendor augments, and no received-pre-policy.
func TestNeighborsOfARealDevicesAnswer(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(capture.Need(t, "openconfig", "gnmi-samples", "arista-eos-bgp-neighbors-get.json"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := value(&gpb.TypedValue{Value: &gpb.TypedValue_JsonIetfVal{JsonIetfVal: raw}})
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{settings: settings{NetworkInstance: "default", Protocol: "BGP"}}
	root := map[string]any{}
	graft(root, c.bgp("neighbors").GetElem(), v)
	rows := c.entries(root, classes[classIndex("neighbor")])
	if len(rows) == 0 {
		t.Fatal("no neighbor was found in the answer")
	}
	n, err := neighbor(rows[0], nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n.Address.String() != "172.168.14.2" || n.RemoteAS != 65002 || n.State != bgp.Established || n.Transitions != 1 || n.Since.IsZero() {
		t.Errorf("reads as %+v", n)
	}
	f, ok := n.Family(bgp.IPv4)
	if !ok || f.Received == nil || f.Accepted != nil || f.Announced == nil || f.ImportPolicy != "" {
		t.Errorf("IPv4 reads as %+v: accepted isn't told by this device", f)
	}
}
