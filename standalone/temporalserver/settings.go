package temporalserver

import (
	"sync/atomic"
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

const (
	eagerRefresh = 100 * time.Millisecond // while the namespace is being set up
	calmRefresh  = 5 * time.Second
)

// settings are Temporal's dynamic configuration. All but one are constant.
type settings struct {
	constant dynamicconfig.StaticClient
	settled  atomic.Bool // the namespace is complete: its copies in the services needn't be read again so often
}

func newSettings() *settings {
	return &settings{constant: dynamicconfig.StaticClient{
		dynamicconfig.EnableServerVersionCheck.Key():                     false, // no calls home
		dynamicconfig.EnablePrincipalPropagation.Key():                   true,  // a history names who did it
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,   // the Web UI's lists on a busy day; default 10
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():                 2048,  // workflows in memory; default 128000
	}}
}

// GetValue is asked again and again by the server, so that a change takes effect.
func (s *settings) GetValue(key dynamicconfig.Key) []dynamicconfig.ConstrainedValue {
	if key != dynamicconfig.NamespaceCacheRefreshInterval.Key() {
		return s.constant.GetValue(key)
	}
	if s.settled.Load() {
		return []dynamicconfig.ConstrainedValue{{Value: calmRefresh}}
	}
	return []dynamicconfig.ConstrainedValue{{Value: eagerRefresh}}
}
