"""Objects with the attributes that Peering Manager's have in a template."""

import ipaddress

from base import Model, Secret
from peeringdb import IXLanPrefix, Network, NetworkIXLan, shared
from query import Mac, Manager, Query


class Policies:
    """Import and export policies of one object alone."""

    def import_policies(self):
        return self.import_routing_policies.all()

    def export_policies(self):
        return self.export_routing_policies.all()

    def policies(self):
        return self.export_policies() & self.import_policies()

    def merged_import_policies(self, reverse=False):
        raise NotImplementedError

    merged_export_policies = merged_import_policies


POLICIES = {"import_routing_policies": "RoutingPolicy", "export_routing_policies": "RoutingPolicy", "communities": "Community"}


class Tag(Model):
    table, ordering = "tags", ("name",)


class Community(Model):
    table, ordering = "communities", ("value", "name")
    many = {"tags": "Tag"}

    @property
    def kind(self):
        parts = self.value.split(":")
        if len(parts) == 3 and parts[0] in ("origin", "target"):
            return extended(*parts[1:])
        if not all(p.isdigit() for p in parts) or int(parts[0]) == 0:
            return None
        if len(parts) == 2 and max(map(int, parts)) <= 65535:
            return "standard"
        return "large" if len(parts) == 3 and max(map(int, parts)) <= 4294967295 else None


def extended(admin, number):
    try:
        size = int(admin) if admin.isdigit() else int(ipaddress.IPv4Address(admin))
    except ValueError:
        return None
    return "extended" if number.isdigit() and 0 < int(number) <= (65535 if size > 65535 else 4294967295) else None


class RoutingPolicy(Model):
    table, ordering = "routing_policies", ("-weight", "name")
    many = {"communities": "Community", "tags": "Tag"}


class Relationship(Model):
    table, ordering = "relationships", ("name",)
    many = {"tags": "Tag"}


class BFD(Model):
    table, ordering = "bfd", ("name",)
    many = {"tags": "Tag"}


class Platform(Model):
    table, ordering = "platforms", ("name",)
    many = {"tags": "Tag"}


class Configuration(Model):
    table, ordering = "configurations", ("name",)
    many = {"tags": "Tag"}


class Email(Model):
    table, ordering = "emails", ("name",)
    many = {"tags": "Tag"}


class ExportTemplate(Model):
    table, ordering = "export_templates", ("content_type", "name")


class AutonomousSystem(Model, Policies):
    table, ordering = "autonomous_systems", ("asn", "affiliated")
    many = {**POLICIES, "tags": "Tag"}

    def __str__(self):
        return f"AS{self.asn} - {self.name}"

    @property
    def contacts(self):
        return assignments(self, "peering.autonomoussystem")

    @property
    def peeringdb_network(self):
        return None if self.is_private else self._data.find(Network, lambda n: n.asn == self.asn).first()

    @property
    def general_policy(self):
        network = self.peeringdb_network
        return network.policy_general if network else None

    def get_direct_peering_sessions(self, bgp_group=None):
        return self._data.find(DirectPeeringSession, lambda s: s.autonomous_system is self and (not bgp_group or s.bgp_group == bgp_group))

    def get_ixp_peering_sessions(self, internet_exchange_point=None):
        return self._data.find(InternetExchangePeeringSession, lambda s: s.autonomous_system is self and over(s, internet_exchange_point))

    def get_relationships(self, local_autonomous_system=None):
        seen = {s.relationship for s in self.get_direct_peering_sessions() if local_autonomous_system in (None, s.local_autonomous_system)}
        return Query(Relationship, seen)

    def get_internet_exchange_points(self, other):
        seen = {s.ixp_connection.internet_exchange_point for s in self.get_ixp_peering_sessions()}
        return self._data.find(InternetExchange, lambda i: i in seen and i.local_autonomous_system == other)

    def get_shared_internet_exchange_points(self, other):
        local, network = (other, other.peeringdb_network) if isinstance(other, AutonomousSystem) else (self, other)
        lans = shared(self._data, NetworkIXLan, "ixlan", self.peeringdb_network, network)
        return self._data.find(InternetExchange, lambda i: i.peeringdb_ixlan in lans and i.local_autonomous_system is local)

    def get_missing_peering_sessions(self, other, internet_exchange_point=None):
        if self is other or self.is_private:
            return Query(NetworkIXLan, ())
        known = {str(s.ip_address) for s in self.get_ixp_peering_sessions(internet_exchange_point)}
        if internet_exchange_point:
            lans = {internet_exchange_point.peeringdb_ixlan} - {None}
        else:
            lans = {i.peeringdb_ixlan for i in self.get_shared_internet_exchange_points(other)}

        def is_missing(port):
            return any(a is not None and str(a.ip) not in known for a in (port.ipaddr6, port.ipaddr4))

        return self._data.find(NetworkIXLan, lambda p: p.asn == self.asn and p.ixlan in lans and is_missing(p))


def over(session, exchange):
    return not exchange or session.ixp_connection.internet_exchange_point == exchange


def assignments(thing, content_type):
    return Manager(thing._data.find(ContactAssignment, lambda a: (a.content_type, a.object_id) == (content_type, thing.id)))


class BGPGroup(Model, Policies):
    table, ordering = "bgp_groups", ("name", "slug")
    many = {**POLICIES, "tags": "Tag"}

    def get_peering_sessions(self):
        return self._data.find(DirectPeeringSession, lambda s: s.bgp_group is self)


class InternetExchange(Model, Policies):
    table, ordering = "internet_exchanges", ("local_autonomous_system", "name", "slug")
    one = {"local_autonomous_system": "AutonomousSystem", "peeringdb_ixlan": "IXLan"}
    many = {**POLICIES, "tags": "Tag"}

    @property
    def contacts(self):
        return assignments(self, "peering.internetexchange")

    @property
    def linked_to_peeringdb(self):
        return self.peeringdb_ixlan is not None

    @property
    def has_connected_routers(self):
        return any(c.router for c in self.get_connections())

    @property
    def peeringdb_prefixes(self):
        prefixes = {}
        for p in self.get_prefixes():
            prefixes.setdefault(f"ipv{p.prefix.version}", []).append(str(p.prefix))
        return prefixes

    def get_prefixes(self, family=0):
        known = self._data.find(IXLanPrefix, lambda p: p.ixlan is self.peeringdb_ixlan)
        return known.filter(prefix__family=family) if family in (4, 6) else known

    def get_connections(self):
        return self._data.find(Connection, lambda c: c.internet_exchange_point is self)

    def get_peering_sessions(self):
        return self._data.find(InternetExchangePeeringSession, lambda s: over(s, self))

    def merged_import_policies(self, reverse=False):
        return turned(self.import_policies(), reverse)

    def merged_export_policies(self, reverse=False):
        return turned(self.export_policies(), reverse)


def turned(items, reverse):
    return list(reversed(list(items))) if reverse else list(items)


class Session(Model, Policies):
    """What direct and exchange sessions share. Its group is a BGP group or an exchange."""

    one = {"autonomous_system": "AutonomousSystem", "bfd": "BFD"}
    many = {**POLICIES, "tags": "Tag"}
    kinds = {"password": Secret}

    @property
    def enabled(self):
        return self.status == "enabled"

    @property
    def encrypted_password(self):
        router = self._router()
        algorithm = router.platform.password_algorithm if router and router.platform and router.encrypt_passwords else ""
        if self._row["password"] is None or not algorithm:
            return None
        cipher = {
            "cisco-type7": "|cisco-type7",
            "juniper-type9": "|junos-9",
            "arista-type7": f"|arista-type7:{ipaddress.ip_interface(self.ip_address).ip}",
        }[algorithm]
        return Secret(self._row["password"], "" if algorithm == "juniper-type9" else "7 ", cipher)

    def _merged(self, policies, reverse):
        version = self.ip_address.version
        merged = list(policies(self))
        for holder in (self.autonomous_system, self._group()):
            for policy in policies(holder) if holder else ():
                if policy not in merged and policy.address_family in (0, version):
                    merged.append(policy)
        return turned(merged, reverse)

    def merged_import_policies(self, reverse=False):
        return self._merged(lambda o: o.import_policies(), reverse)

    def merged_export_policies(self, reverse=False):
        return self._merged(lambda o: o.export_policies(), reverse)

    def merged_communities(self):
        holders = (self, self.autonomous_system, self._group(), self._router())
        return list(dict.fromkeys(c for h in holders if h for c in h.communities.all()))


class DirectPeeringSession(Session):
    table, ordering = "direct_peering_sessions", ("service_reference", "local_autonomous_system", "autonomous_system", "ip_address")
    one = {
        **Session.one,
        "local_autonomous_system": "AutonomousSystem",
        "bgp_group": "BGPGroup",
        "relationship": "Relationship",
        "router": "Router",
        "connection": "Connection",
    }
    kinds = {**Session.kinds, "ip_address": ipaddress.ip_interface, "local_ip_address": ipaddress.ip_interface}

    def _group(self):
        return self.bgp_group

    def _router(self):
        return self.router

    def __str__(self):
        return f"{self.relationship} - AS{self.autonomous_system.asn} - IP {self.ip_address}"


class InternetExchangePeeringSession(Session):
    table, ordering = "internet_exchange_peering_sessions", ("service_reference", "autonomous_system", "ixp_connection", "ip_address")
    one = {**Session.one, "ixp_connection": "Connection"}
    kinds = {**Session.kinds, "ip_address": ipaddress.ip_address}

    def _group(self):
        return self.ixp_connection.internet_exchange_point

    def _router(self):
        return self.ixp_connection.router

    @property
    def exists_in_peeringdb(self):
        ports = self._data.rows[NetworkIXLan].values()
        mine = [p for p in ports if p.net.asn == self.autonomous_system.asn]
        return any(a is not None and a.ip == self.ip_address for p in mine for a in (p.ipaddr4, p.ipaddr6))

    def __str__(self):
        exchange = self.ixp_connection.internet_exchange_point
        return f"{exchange.name + ' - ' if exchange else ''}AS{self.autonomous_system.asn} - IP {self.ip_address}"


class Connection(Model):
    table, ordering = "connections", ("internet_exchange_point", "router")
    one = {"internet_exchange_point": "InternetExchange", "router": "Router", "peeringdb_netixlan": "NetworkIXLan"}
    many = {"tags": "Tag"}
    kinds = {"mac_address": Mac, "ipv6_address": ipaddress.ip_interface, "ipv4_address": ipaddress.ip_interface}

    @property
    def name(self):
        return str(self)

    @property
    def linked_to_peeringdb(self):
        return self.peeringdb_netixlan is not None

    def __str__(self):
        exchange, router = self.internet_exchange_point, self.router
        words = [f"{router} {self.interface}".strip()] if router else []
        words = [str(exchange), *words] if exchange else words
        return " on ".join(words) or f"Connection #{self.id}"


class Router(Model):
    table, ordering = "routers", ("local_autonomous_system", "name")
    one = {"local_autonomous_system": "AutonomousSystem", "platform": "Platform", "configuration_template": "Configuration"}
    many = {"communities": "Community", "tags": "Tag"}

    def get_direct_peering_sessions(self, bgp_group=None):
        return self._data.find(DirectPeeringSession, lambda s: s.router is self and (not bgp_group or s.bgp_group == bgp_group))

    def get_ixp_peering_sessions(self, internet_exchange_point=None):
        return self._data.find(InternetExchangePeeringSession, lambda s: s.ixp_connection.router is self and over(s, internet_exchange_point))

    def get_connections(self, internet_exchange_point=None):
        return self._data.find(Connection, lambda c: c.router is self and internet_exchange_point in (None, c.internet_exchange_point))

    def get_bgp_groups(self):
        return Query(BGPGroup, {s.bgp_group for s in self.get_direct_peering_sessions()} - {None})

    def get_internet_exchange_points(self):
        return Query(InternetExchange, {c.internet_exchange_point for c in self.get_connections()} - {None})

    def get_direct_autonomous_systems(self, bgp_group=None):
        return Query(AutonomousSystem, {s.autonomous_system for s in self.get_direct_peering_sessions(bgp_group)})

    def get_ixp_autonomous_systems(self, internet_exchange_point=None):
        return Query(AutonomousSystem, {s.autonomous_system for s in self.get_ixp_peering_sessions(internet_exchange_point)})

    def get_autonomous_systems(self):
        return self.get_direct_autonomous_systems() | self.get_ixp_autonomous_systems()

    def get_bfd_configs(self):
        sessions = [*self.get_direct_peering_sessions(), *self.get_ixp_peering_sessions()]
        return Query(BFD, {s.bfd for s in sessions} - {None})

    def get_routing_policies(self):
        """Those of its sessions, of their networks and of their groups, by name; all there are when it has no session."""
        sessions = [*self.get_direct_peering_sessions(), *self.get_ixp_peering_sessions()]
        holders = {h for s in sessions for h in (s, s.autonomous_system, s._group()) if h}
        used = {p for h in holders for p in (*h.import_policies(), *h.export_policies())}
        return self._data.find(RoutingPolicy, lambda p: not sessions or p in used).order_by("name")


class ContactRole(Model):
    table, ordering = "contact_roles", ("name",)


class Contact(Model):
    table, ordering = "contacts", ("name",)
    many = {"tags": "Tag"}


class ContactAssignment(Model):
    table, ordering = "contact_assignments", ("contact",)
    one = {"contact": "Contact", "role": "ContactRole"}

    def __str__(self):
        return str(self.contact)
