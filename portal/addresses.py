"""Which IP addresses belong to the open network: the one check behind every fetch of an address from outside."""

from __future__ import annotations

import ipaddress

NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """Whether an IP address, and any IPv4 address written inside it, belongs to the open network."""
    place = ipaddress.ip_address(text.split("%")[0])
    inside = [place]
    if isinstance(place, ipaddress.IPv6Address):
        inside += [item for item in (place.ipv4_mapped, place.sixtofour) if item is not None]
        if place in NAT64:
            inside.append(ipaddress.IPv4Address(int(place) & 0xFFFFFFFF))
        if place.ipv4_mapped is not None:
            inside = inside[1:]
    return all(item.is_global and not item.is_multicast for item in inside)
