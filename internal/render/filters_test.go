package render

import (
	"testing"

	"peerflow/internal/jinja"
)

func TestFiltersOnText(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"safe_string drops marks and what isn't ASCII": {body: "{{ 'Café 日本 ß' | safe_string }}", want: "Cafe  "},
		"safe_string takes text only":                  {body: "{{ 5 | safe_string }}", class: jinja.ValueErr, want: "safe_string takes text"},
		"quote puts double quotes around text":         {body: "{{ 'a' | quote }}{{ 5 | quote(char='\\'') }}", want: `"a"'5'`},
		"quote of nothing is nothing":                  {body: "[{{ '' | quote }}{{ none | quote }}{{ 0 | quote }}]", want: "[]"},
		"indent indents the first line too":            {body: "{{ 'a\n b' | indent(2) }}", want: "  a\n   b"},
		"indent takes other characters":                {body: "{{ 'a\nb' | indent(1, chars='! ') }}", want: "! a\n! b"},
		"indent resets first":                          {body: "{{ '  a\n    b' | indent(1, reset=true) }}", want: " a\n b"},
		"indent is bounded":                            {body: "{{ 'a' | indent(100000) }}", class: jinja.LimitErr, want: "indent"},
	})
}

func TestFiltersOnAddresses(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"ip is a session's address without its length":      {body: "{{ d4 | ip }} {{ x6 | ip }}", want: "198.51.100.1 2001:db8::10"},
		"ip takes text, interfaces and lists of them":       {body: "{{ '192.0.2.1/24' | ip }} {{ [d4.ip_address, '2001:db8::1'] | ip }}", want: "192.0.2.1 ['198.51.100.1', '2001:db8::1']"},
		"ip of something else fails":                        {body: "{{ 'nowhere' | ip }}", class: jinja.ValueErr, want: "'nowhere' does not appear to be"},
		"ip_version is for sessions":                        {body: "{{ x4 | ip_version }}{{ x6 | ip_version }}", want: "46"},
		"ip_version refuses the rest":                       {body: "{{ ixp | ip_version }}", class: jinja.ValueErr, want: "value is not a bgp session: it is Test-IX"},
		"a filter on what is undefined names it":            {body: "{{ sesion | ip_version }}", class: jinja.UndefinedErr, want: "'sesion' is undefined"},
		"ipv4 and ipv6 give None for the other family":      {body: "{{ '192.0.2.1' | ipv6 }} {{ '2001:db8::/32' | ipv6 }} {{ 'x' | ipv4 }}", want: "None 2001:db8::/32 None"},
		"addresses know their network":                      {body: "{{ conn.ipv4_address.network }} {{ conn.ipv6_address.ip }} {{ conn.ipv4_address.with_netmask }} {{ conn.ipv4_address.version }}", want: "192.0.2.0/24 2001:db8::1 192.0.2.1/255.255.255.0 4"},
		"networks hold addresses":                           {body: "{{ x4.ip_address in conn.ipv4_address.network }} {{ d4.ip_address.ip in conn.ipv4_address.network }} {{ conn.ipv4_address.network[5] }}", want: "True False 192.0.2.5"},
		"networks count their addresses":                    {body: "{{ conn.ipv4_address.network.num_addresses }} {{ conn.ipv4_address.network.broadcast_address }} {{ conn.ipv6_address.network.num_addresses }}", want: "256 192.0.2.255 18446744073709551616"},
		"addresses are ordered within a family":             {body: "{{ x4.ip_address < ('192.0.2.11' | ipv4) }}", want: "True"},
		"and not across families":                           {body: "{{ x4.ip_address < x6.ip_address }}", class: jinja.TypeErr, want: "not supported"},
		"addresses may be counted on":                       {body: "{{ x4.ip_address + 1 }} {{ x6.ip_address - 1 }}", want: "192.0.2.11 2001:db8::f"},
		"addresses print in lists as Python's":              {body: "{{ [x4.ip_address, d4.ip_address] }}", want: "[IPv4Address('192.0.2.10'), IPv4Interface('198.51.100.1/31')]"},
		"mac prints as UNIX does":                           {body: "{{ conn | mac }} {{ conn.mac_address }}", want: "00:1b:77:49:54:fd 00:1b:77:49:54:fd"},
		"mac prints as Cisco does, and bare":                {body: "{{ conn | mac('cisco') }} {{ '00-1B-77-49-54-FD' | mac(format='bare') }}", want: "001b.7749.54fd 001b774954fd"},
		"mac refuses the rest":                              {body: "{{ 'x' | mac }}", class: jinja.ValueErr, want: "not a valid mac address"},
		"local_ips of a session is ours in its family":      {body: "{{ x4 | local_ips }} {{ x6 | local_ips }} {{ d4 | local_ips }}", want: "192.0.2.1/24 2001:db8::1/64 198.51.100.0/31"},
		"local_ips of an exchange are those of connections": {body: "{{ ixp | local_ips | join(' ') }}|{{ ixp | local_ips(6) | join(' ') }}", want: "192.0.2.1/24 2001:db8::1/64|2001:db8::1/64"},
		"local_ips of a group are none":                     {body: "{{ group | local_ips }}", want: "None"},
	})
}

func TestFiltersOnLists(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"length counts collections and lists":             {body: "{{ communities | length }}{{ [1, 2] | count }}{{ 'abc' | len }}", want: "223"},
		"filter takes lookups on collections":             {body: "{{ communities | filter(slug__startswith='black') | first }}", want: "blackhole"},
		"filter compares attributes in lists":             {body: "{{ [x4, x6] | filter(enabled=true, status='enabled') | length }}{{ [x4] | filter(nothing=1) | length }}", want: "10"},
		"get gives the one that matches":                  {body: "{{ communities | get(slug='learned') }}", want: "learned"},
		"get gives all when several or none match":        {body: "{{ communities | get(slug__contains='l') | length }}{{ communities | get(slug='x') | length }}", want: "20"},
		"get finds in lists too":                          {body: "{{ [x4, x6] | get(status='disabled') }}", want: "Test-IX - AS64496 - IP 2001:db8::10"},
		"unique_items keeps the first of each value":      {body: "{{ [x4, x6, 5] | unique_items('autonomous_system') | length }}", want: "1"},
		"iterate gives a field, None where there is none": {body: "{{ [policy, ixp] | iterate('weight') | list }}", want: "[10, None]"},
		"iterate is true even when empty":                 {body: "{{ 'yes' if [] | iterate('x') else 'no' }} {{ 'all-in' in ([policy] | iterate('slug')) }}", want: "yes True"},
		"what can't be walked can't be filtered":          {body: "{{ 5 | filter(x=1) }}", class: jinja.TypeErr, want: "not iterable"},
		"a mistaken attribute is told the near one":       {body: "{{ router | routing_policies('slgu') }}", class: jinja.AttributeErr, want: `did you mean "slug"?`},
		"a mistaken lookup is told the near one":          {body: "{{ communities.filter(valeu='x') }}", class: "FieldError", want: `did you mean "value"?`},
		"has_tag takes a name or a slug":                  {body: "{{ peer | has_tag('Filter Prefixes') }} {{ peer | has_tag('filter-prefixes') }} {{ peer | has_not_tag('filter') }}", want: "True True True"},
		"tags of what can't have any fail":                {body: "{{ tag | tags }}", class: jinja.AttributeErr, want: "object has no tags"},
		"tags is a collection":                            {body: "{{ peer | tags | iterate('slug') | join(',') }}", want: "filter-prefixes"},
		"contact is found by its role's name in any case": {body: "{{ peer | contact('noc') }} {{ x4 | contact('NOC', 'email') }} {{ ixp | contact('noc') }}", want: "Ada noc@example.net None"},
		"contact of what has none fails":                  {body: "{{ router | contact('noc') }}", class: jinja.ValueErr, want: "edge1 has no contacts"},
		"context_get_key searches nested dictionaries":    {body: "{{ peer | context_get_key('hold') }} {{ peer | context_get_key('hold', recursive=false) }} {{ peer | context_get_key('x', default='y') }}", want: "30 None y"},
		"context_has_key tells whether there is one":      {body: "{{ peer | context_has_key('mtu') }} {{ peer | context_has_not_key('hold') }} {{ us | context_has_key('mtu') }}", want: "True False False"},
		"a context that is empty is None":                 {body: "{{ us.config_context }} {{ us.config_context is iterable }} {{ us.context }}", want: "None False {}"},
		"what has no context fails":                       {body: "{{ tag | context_has_key('x') }}", class: jinja.AttributeErr, want: "object has no config context"},
	})
}

func TestFiltersOnPolicies(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"iter gives own policies, the weightiest first":     {body: "{{ peer | iter_import_policies('slug') | join(' ') }}", want: "v4-in v6-in"},
		"iter takes a family":                               {body: "{{ peer | iter_import_policies(family=6, field='name') }} {{ ixp | iter_import_policies('slug', 4) }}", want: "['v6 in'] ['all-in']"},
		"iter without a field gives policies":               {body: "{{ ixp | iter_export_policies }}", want: "[<RoutingPolicy: All out>]"},
		"iter refuses what has none":                        {body: "{{ router | iter_import_policies }}", class: jinja.ValueErr, want: "edge1 has no policies"},
		"merge keeps own policies whatever their family":    {body: "{{ x4 | merge_import_policies | iterate('slug') | join(' ') }}", want: "v6-in v4-in all-in"},
		"merge adds the network's and the exchange's":       {body: "{{ x6 | merge_import_policies | iterate('slug') | join(' ') }} {{ x6 | merge_export_policies | iterate('slug') | join(' ') }}", want: "v6-in all-in all-out"},
		"merge reverses":                                    {body: "{{ x6 | merge_import_policies('reverse') | iterate('slug') | join(' ') }}", want: "all-in v6-in"},
		"merge of an exchange are its own":                  {body: "{{ ixp | merge_import_policies }}", want: "[<RoutingPolicy: All in>]"},
		"merge of a group fails":                            {body: "{{ group | merge_import_policies }}", class: jinja.ValueErr, want: "Transit has no merged policies: take a session or an exchange"},
		"merge of what is undefined names it":               {body: "{{ session | merge_import_policies }}", class: jinja.UndefinedErr, want: "'session' is undefined"},
		"routing_policies are those of a router's sessions": {body: "{{ router | routing_policies('slug') | join(' ') }} {{ router | routing_policies(field='slug', family=4) | join(' ') }}", want: "all-in all-out v4-in v6-in all-in all-out v4-in"},
		"communities are a record's own":                    {body: "{{ peer | communities | join(',') }} {{ x4 | communities | length }} {{ peer | communities('value') }}", want: "blackhole 0 ['65535:666']"},
		"communities of what can't have any are none":       {body: "{{ 'x' | communities }}", want: "[]"},
		"merge_communities adds network, exchange, router":  {body: "{{ x4 | merge_communities | join(',') }}", want: "blackhole,learned"},
		"merge_communities falls back to a record's own":    {body: "{{ peer | merge_communities | join(',') }}", want: "blackhole"},
		"max_prefix is the network's in the family":         {body: "{{ x4 | max_prefix }} {{ x6 | max_prefix }}", want: "100 0"},
		"a community's kind is by its value":                {body: "{{ communities | iterate('kind') | join(' ') }}", want: "standard standard"},
	})
}

func TestFiltersOnSessionsAndRouters(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"direct_sessions of a network and of a router": {body: "{{ peer | direct_sessions | length }}{{ router | direct_sessions(family=6) | length }}{{ router | direct_sessions(group=group) | length }}", want: "101"},
		"direct_sessions of an exchange fail":          {body: "{{ ixp | direct_sessions }}", class: jinja.ValueErr, want: "Test-IX has no direct peering sessions, try `sessions`"},
		"ixp_sessions take family and exchange":        {body: "{{ router | ixp_sessions(family=6, ixp=ixp) | join }} {{ peer | ixp_sessions | length }}", want: "Test-IX - AS64496 - IP 2001:db8::10 2"},
		"sessions of an exchange and of a group":       {body: "{{ ixp | sessions | length }}{{ ixp | sessions(4) | length }}{{ group | sessions | length }}", want: "211"},
		"sessions of a router fail":                    {body: "{{ router | sessions }}", class: jinja.ValueErr, want: "try `direct_sessions` or `ixp_sessions`"},
		"route_server are the exchange's":              {body: "{{ ixp | route_server | length }}{{ ixp | route_server(4) | length }}", want: "10"},
		"connections of an exchange and of a router":   {body: "{{ ixp | connections | join }} {{ router | connections | length }}", want: "Test-IX on edge1 et0 1"},
		"direct_peers take the slug of a group":        {body: "{{ router | direct_peers | join }} {{ router | direct_peers('transit') | length }} {{ router | direct_peers('nobody') | length }}", want: "AS64496 - Example Cloud é 1 0"},
		"ixp_peers take the slug of an exchange":       {body: "{{ router | ixp_peers | length }}{{ router | ixp_peers('test-ix') | length }}{{ router | ixp_peers('other') | length }}", want: "110"},
		"bfds are those in use":                        {body: "{{ router | bfds | iterate('name') | join }}{{ idle | bfds | length }}", want: "fast0"},
		"inherited_status: own, group's, router's":     {body: "{{ x4 | inherited_status }} {{ x6 | inherited_status }} {{ d4 | inherited_status }} {{ group | inherited_status }}", want: "enabled disabled maintenance maintenance"},
		"inherited_status of what has none fails":      {body: "{{ policy | inherited_status }}", class: jinja.ValueErr, want: "no status"},
	})
}

func TestFiltersOnNetworks(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"ixps are ours where a network has sessions":            {body: "{{ peer | ixps(us) | join }}{{ peer | ixps(peer) | length }}", want: "Test-IX0"},
		"shared_ixps are ours where PeeringDB has both":         {body: "{{ peer | shared_ixps(us) | join }} {{ theirs | shared_ixps(us) | join }} {{ us | shared_ixps(us) | length }}", want: "Test-IX Test-IX 0"},
		"shared_ixps need one of ours":                          {body: "{{ theirs | shared_ixps(ours) }}", class: jinja.ValueErr, want: "one of the values must be an autonomous system"},
		"shared_facilities are PeeringDB's":                     {body: "{{ peer | shared_facilities(us) | join }} {{ theirs | shared_facilities(ours) | length }}", want: "DC 1 1"},
		"missing_sessions are ports with an address to peer at": {body: "{% for s in peer | missing_sessions(us, ixp) %}{{ s.ipaddr4 }} {{ s.cidr4 }}{% endfor %}", want: "192.0.2.11/32 192.0.2.11/24"},
		"missing_sessions of PeeringDB's networks are all":      {body: "{{ us | missing_sessions(theirs) | length }}", want: "2"},
		"prefix_list is by family":                              {body: "{{ peer | prefix_list(4) }} {{ us | prefix_list }} {{ ixp | prefix_list(6) }} {{ ixp | prefix_list }}", want: "[{'prefix': '203.0.113.0/24', 'exact': False, 'less-equal': 26}] {'ipv6': [], 'ipv4': []} ['2001:db8::/64'] {'ipv4': ['192.0.2.0/24'], 'ipv6': ['2001:db8::/64']}"},
		"as_list is the AS-SET's":                               {body: "{{ peer | as_list }}", want: "[64496, 64497]"},
		"strip_irr_sources names each set once":                 {body: "{{ peer | strip_irr_sources }} {{ us | strip_irr_sources }} {{ 'RADB::AS-X&ipv6:AS-Y' | strip_irr_sources }}", want: "['AS-CLOUD', 'AS-CLOUD6'] ['AS64500'] ['AS-X', 'AS-Y']"},
		"relationships are those of direct sessions":            {body: "{{ peer | relationships | iterate('slug') | join }} {{ peer | relationships(peer) | length }}", want: "transit-provider 0"},
	})
}

func TestCollectionsAnswerAsDjangosDo(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"filter goes over relations":              {body: "{{ ixp.connection_set.filter(router__name='edge1', ipv4_address__isnull=false) | length }}", want: "1"},
		"exclude keeps what is absent":            {body: "{{ communities.exclude(type='ingress') | join(',') }}", want: "blackhole"},
		"one row of a relation has to match all":  {body: "{{ peer.import_routing_policies.filter(slug='v4-in', weight=5).count() }}", want: "1"},
		"in takes a list or a collection":         {body: "{{ communities.filter(slug__in=['learned', 'x']).count() }}{{ routing_policies.filter(pk__in=peer.import_routing_policies.all()).count() }}", want: "12"},
		"numbers compare with text of numbers":    {body: "{{ autonomous_systems.filter(asn='64496').count() }}{{ autonomous_systems.filter(asn__gte=64497).count() }}", want: "10"},
		"addresses compare with text":             {body: "{{ router | ixp_sessions | filter(ip_address='2001:DB8::10') | length }}", want: "1"},
		"a family is looked up":                   {body: "{{ (router | ixp_sessions).filter(ip_address__family=6).count() }}", want: "1"},
		"text is matched in any case on request":  {body: "{{ communities.filter(name__iexact='LEARNED').count() }}{{ communities.filter(name__icontains='HOLE').count() }}{{ communities.filter(name__contains='HOLE').count() }}", want: "110"},
		"regex, ranges and ends":                  {body: "{{ communities.filter(name__regex='^b.*e$').count() }}{{ autonomous_systems.filter(asn__range=(1, 65000)).count() }}{{ communities.filter(name__endswith='ed').count() }}", want: "111"},
		"order_by sorts, - from the end":          {body: "{{ routing_policies.order_by('-weight', 'name') | iterate('slug') | join(' ') }}", want: "all-in v4-in v6-in all-out"},
		"order_by follows relations":              {body: "{{ (router | ixp_sessions).order_by('-ip_address') | iterate('id') | join(' ') }}", want: "2 1"},
		"values_list gives tuples, or one field":  {body: "{{ communities.values_list('slug', flat=true) | join(',') }} {{ communities.values_list('id', 'slug').first() }}", want: "learned,blackhole (1, 'learned')"},
		"values are in collections of them":       {body: "{{ 'learned' in communities.values_list('slug', flat=true) }}", want: "True"},
		"values gives dictionaries":               {body: "{{ communities.values('slug').last() }}", want: "{'slug': 'blackhole'}"},
		"distinct drops repeats":                  {body: "{{ (router | ixp_sessions).values_list('autonomous_system', flat=true).distinct().count() }}", want: "1"},
		"first and last of nothing are None":      {body: "{{ communities.none().first() }}{{ communities.filter(id=9).last() }}", want: "NoneNone"},
		"get wants exactly one":                   {body: "{{ communities.get(type='nothing') }}", class: "DoesNotExist", want: "Community matching query does not exist."},
		"get refuses several":                     {body: "{{ communities.get(id__gt=0) }}", class: "MultipleObjectsReturned", want: "more than one Community"},
		"they are indexed from the front":         {body: "{{ communities[0] }}{{ communities.1 }}", want: "learnedblackhole"},
		"and not from the end":                    {body: "{{ communities[-1] }}", class: jinja.ValueErr, want: "Negative indexing is not supported"},
		"they are true when something is in them": {body: "{{ 'y' if communities else 'n' }}{{ 'y' if communities.none() else 'n' }}{{ communities.exists() }}", want: "ynTrue"},
		"a manager is true always":                {body: "{{ 'y' if us.communities else 'n' }}{{ us.communities.count() }}", want: "y0"},
		"they print as Django's":                  {body: "{{ communities }}", want: "<QuerySet [<Community: learned>, <Community: blackhole>]>"},
		"relations have ids":                      {body: "{{ x4.autonomous_system_id }} {{ x4.pk }} {{ us.nothing_id is defined }}", want: "2 1 False"},
		"methods of Peering Manager are there":    {body: "{{ peer.get_direct_peering_sessions().count() }}{{ router.get_ixp_peering_sessions(internet_exchange_point=ixp).count() }}{{ router.get_connections().count() }}{{ x6.merged_import_policies(true) }}{{ peer.import_policies().first() }}", want: "121[<RoutingPolicy: All in>, <RoutingPolicy: v6 in>]v4 in"},
		"what isn't offered isn't there":          {body: "{{ x4.net }}{{ x4.AS }}{{ x4.delete is defined }}{{ router.Local }}", want: "False"},
	})
}
