"""What PeeringDB says: networks, facilities, exchanges and their ports. Without an order of their own, by id."""

import ipaddress

from base import Model


class Organization(Model):
    table = "peeringdb_organizations"


class Network(Model):
    table = "peeringdb_networks"
    one = {"org": "Organization"}

    def __str__(self):
        return f"AS{self.asn} - {self.name}"


class Facility(Model):
    table = "peeringdb_facilities"
    one = {"org": "Organization"}


class NetworkFacility(Model):
    table = "peeringdb_network_facilities"
    one = {"net": "Network", "fac": "Facility"}


class PeeringDBExchange(Model):
    table, kind_name = "peeringdb_exchanges", "InternetExchange"
    one = {"org": "Organization"}


class IXLan(Model):
    table = "peeringdb_ixlans"
    one = {"ix": "PeeringDBExchange"}

    def __str__(self):
        return f"{self.ix} - {self.name}" if self.name else str(self.ix)


class IXLanPrefix(Model):
    table = "peeringdb_ixlan_prefixes"
    one = {"ixlan": "IXLan"}
    kinds = {"prefix": ipaddress.ip_network}

    def __str__(self):
        return f"{self.ixlan} - {self.prefix}"


class NetworkIXLan(Model):
    table = "peeringdb_netixlans"
    one = {"net": "Network", "ixlan": "IXLan", "net_side": "Facility", "ix_side": "Facility"}
    kinds = {"ipaddr4": ipaddress.ip_interface, "ipaddr6": ipaddress.ip_interface}

    @property
    def is_remote_peer(self):
        return self.net_side and self.ix_side and self.net_side is not self.ix_side

    def __str__(self):
        return f"{self.net} on {self.ixlan}"


def shared(data, model, relation, a, b):
    """What both networks have of a relation of a PeeringDB model; nothing when one is unknown or they are the same."""
    if a is None or b is None or a is b:
        return set()
    return set.intersection(*({getattr(r, relation) for r in data.rows[model].values() if r.net is n} for n in (a, b)))
