"""Filters on routers, sessions, groups and networks, written from their description."""

import re

from filters_plain import FILTERS, method_of, must_be, offer
from models import (
    AutonomousSystem,
    BGPGroup,
    Connection,
    DirectPeeringSession,
    InternetExchange,
    InternetExchangePeeringSession,
    Router,
    Session,
)
from peeringdb import Facility, Network, NetworkFacility, NetworkIXLan, shared
from query import Query

__all__ = ["FILTERS"]

SOURCES = "RPKI,RIPE,ARIN,APNIC,AFRINIC,LACNIC,RIPE-NONAUTH,RADB,ALTDB,NTTCOM,LEVEL3,TC"
MAINTENANCE = ("pre-maintenance", "maintenance", "post-maintenance")


@offer()
def tags(value):
    return method_of(value, "tags").all()


@offer()
def has_tag(value, tag):
    return any(tag in (t.name, t.slug) for t in tags(value))


@offer()
def has_not_tag(value, tag):
    return not has_tag(value, tag)


@offer()
def inherited_status(value):
    if not hasattr(value, "status"):
        raise ValueError("value has no status")
    own = value.status
    if own == "disabled":
        return own
    above, heeded = None, ()
    if isinstance(value, Connection):
        above, heeded = value.internet_exchange_point, ("disabled", *MAINTENANCE)
    elif isinstance(value, DirectPeeringSession):
        above, heeded = value.bgp_group, ("disabled", "maintenance")
    elif isinstance(value, InternetExchangePeeringSession):
        status = inherited_status(value.ixp_connection)
        return own if status == "enabled" else status
    if above and above.status in heeded:
        return above.status
    router = value.router if isinstance(value, Connection | DirectPeeringSession) else None
    return router.status if router and router.status in MAINTENANCE else own


def find_key(context, key, recursive):
    for name, value in (context or {}).items():
        if name == key:
            return True, value
        if recursive and isinstance(value, dict):
            found, inner = find_key(value, key, recursive)
            if found:
                return True, inner
    return False, None


@offer()
def context_has_key(value, key, recursive=True):
    return find_key(method_of(value, "config_context"), key, recursive)[0]


@offer()
def context_has_not_key(value, key, recursive=True):
    return not context_has_key(value, key, recursive)


@offer()
def context_get_key(value, key, default=None, recursive=True):
    found, inner = find_key(method_of(value, "config_context"), key, recursive)
    return inner if found else default


@offer()
def contact(value, role, field=""):
    if isinstance(value, Session):
        value = value.autonomous_system
    assigned = method_of(value, "contacts").filter(role__name__iexact=role).first()
    if assigned is None:
        return None
    return getattr(assigned.contact, field) if field else assigned.contact


# Policies and communities


def narrowed(policies, field, family):
    if family in (0, 4, 6):
        policies = policies.filter(address_family__in=[0, family])
    return [getattr(p, field) for p in policies] if field else list(policies)


@offer()
def iter_import_policies(value, field="", family=-1):
    return narrowed(method_of(value, "import_policies")(), field, family)


@offer()
def iter_export_policies(value, field="", family=-1):
    return narrowed(method_of(value, "export_policies")(), field, family)


@offer()
def merge_import_policies(value, order=""):
    return method_of(value, "merged_import_policies")(order == "reverse")


@offer()
def merge_export_policies(value, order=""):
    return method_of(value, "merged_export_policies")(order == "reverse")


@offer()
def routing_policies(value, field="", family=-1):
    must_be(value, Router)
    return narrowed(value.get_routing_policies(), field, family)


@offer()
def communities(value, field=""):
    if not hasattr(value, "communities"):
        return []
    if field:
        raise TypeError("'ManyRelatedManager' object is not iterable")
    return value.communities.all()


@offer()
def merge_communities(value):
    return value.merged_communities() if hasattr(value, "merged_communities") else communities(value)


# Sessions and what carries them


@offer()
def max_prefix(value):
    must_be(value, Session)
    peer = value.autonomous_system
    return peer.ipv6_max_prefixes if value.ip_address.version == 6 else peer.ipv4_max_prefixes


def of_family(found, family):
    return found.filter(ip_address__family=family) if family in (4, 6) else found


@offer()
def direct_sessions(value, family=0, group=None):
    return of_family(method_of(value, "get_direct_peering_sessions")(bgp_group=group), family)


@offer()
def ixp_sessions(value, family=0, ixp=None):
    return of_family(method_of(value, "get_ixp_peering_sessions")(internet_exchange_point=ixp), family)


@offer()
def sessions(value, family=0):
    return of_family(method_of(value, "get_peering_sessions")(), family)


@offer()
def route_server(value, family=0):
    must_be(value, InternetExchange)
    return sessions(value, family).filter(is_route_server=True)


@offer()
def connections(value):
    return method_of(value, "get_connections")()


@offer()
def local_ips(value, family=0):
    if isinstance(value, DirectPeeringSession):
        return value.local_ip_address
    if isinstance(value, InternetExchangePeeringSession):
        return getattr(value.ixp_connection, f"ipv{value.ip_address.version}_address")
    if not isinstance(value, InternetExchange):
        return None
    pairs = [((4, c.ipv4_address), (6, c.ipv6_address)) for c in value.get_connections()]
    return [address for pair in pairs for version, address in pair if address and family in {0, version, *({family} - {4, 6})}]


def by_slug(value, model, slug):
    return value._data.find(model, lambda o: o.slug == slug).first() if slug else None


@offer()
def direct_peers(value, group=""):
    must_be(value, Router)
    return value.get_direct_autonomous_systems(bgp_group=by_slug(value, BGPGroup, group))


@offer()
def ixp_peers(value, ixp=""):
    must_be(value, Router)
    return value.get_ixp_autonomous_systems(internet_exchange_point=by_slug(value, InternetExchange, ixp))


@offer()
def bfds(value):
    must_be(value, Router)
    return value.get_bfd_configs()


# Networks


@offer()
def ixps(value, other):
    return method_of(value, "get_internet_exchange_points")(other)


@offer()
def shared_ixps(value, other):
    if not isinstance(value, AutonomousSystem):
        must_be(other, AutonomousSystem)
        value, other = other, value
    return value.get_shared_internet_exchange_points(other)


def network_of(value):
    must_be(value, AutonomousSystem, Network)
    return value.peeringdb_network if isinstance(value, AutonomousSystem) else value


@offer()
def shared_facilities(value, other):
    a, b = network_of(value), network_of(other)
    return Query(Facility, sorted(shared(value._data, NetworkFacility, "fac", a, b), key=lambda f: f.id))


@offer()
def missing_sessions(value, other, ixp=None):
    if isinstance(value, AutonomousSystem) and isinstance(other, AutonomousSystem):
        return value.get_missing_peering_sessions(other, internet_exchange_point=ixp)
    a, b = network_of(value), network_of(other)
    if a is None or b is None or a is b:
        return Query(NetworkIXLan, ())
    only = ixp.peeringdb_ixlan if ixp else None
    lans = {p.ixlan for p in a._data.rows[NetworkIXLan].values() if p.net is a and only in (None, p.ixlan)}
    return a._data.find(NetworkIXLan, lambda p: p.net is b and p.ixlan in lans)


@offer()
def prefix_list(value, family=0):
    if isinstance(value, InternetExchange):
        prefixes = value.peeringdb_prefixes
    else:
        must_be(value, AutonomousSystem)
        prefixes = value.prefixes or {"ipv6": [], "ipv4": []}
    return prefixes.get(f"ipv{family}", []) if family in (4, 6) else prefixes


@offer()
def as_list(value, family=0):
    must_be(value, AutonomousSystem)
    return value.as_list


@offer()
def strip_irr_sources(value):
    asn, text = (value.asn, value.irr_as_set) if isinstance(value, AutonomousSystem) else (0, value)
    if not isinstance(value, AutonomousSystem | str):
        raise ValueError("value has no IRR AS-SET")
    if not (text or "").strip():
        return [f"AS{asn}"]
    names = [re.sub(rf"^(?:{SOURCES.replace(',', '|')}):+\s*(?=.)", "", word) for word in re.split(r"[/,&\s]", text) if word]
    return list({re.sub("^ipv[46]:", "", name).strip() for name in names})


@offer()
def relationships(value, local_autonomous_system=None):
    must_be(value, AutonomousSystem)
    return value.get_relationships(local_autonomous_system)
