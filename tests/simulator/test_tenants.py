"""The tenant table: HDR-02 and the reasons of OPS-02 to OPS-04."""

from __future__ import annotations

import pytest

from rustalk.simulator.tenants import Refusal, Tenant, TenantTable

USER, DISABLED, OTHER = "+441273652000", "+441273652001", "+15550100"
CONTOSO = Tenant.of("Contoso", ["sbc1.example.test"], [USER], [DISABLED])
ADATUM = Tenant.of("Adatum", ["customers.adatum.test"], [OTHER])
TABLE = TenantTable([CONTOSO, ADATUM])


@pytest.mark.parametrize(
    ("fqdn", "number", "expected"),
    [
        ("sbc1.example.test", USER, "Contoso"),
        ("SBC1.Example.Test", USER, "Contoso"),
        ("one.customers.adatum.test", OTHER, "Adatum"),
        ("customers.adatum.test", OTHER, "Adatum"),
        ("sbc2.example.test", USER, 403),
        ("a.one.customers.adatum.test", OTHER, 403),
        ("adatum.test", OTHER, 403),
        ("", USER, 403),
        ("sbc1.example.test", OTHER, 404),
        ("one.customers.adatum.test", USER, 404),
        ("sbc1.example.test", "441273652000", 404),
        ("sbc1.example.test", "", 404),
        ("sbc1.example.test", DISABLED, 403),
    ],
)
def test_the_full_name_is_looked_up_then_its_parent_then_the_number(fqdn: str, number: str, expected: object) -> None:
    """HDR-02, MTN-03: the number counts inside the tenant of the Contact only."""
    found = TABLE.find(fqdn, number)
    assert (found.status if isinstance(found, Refusal) else found.name) == expected


def test_the_number_of_a_disabled_user_gives_403_with_cause_63() -> None:
    """OPS-03."""
    found = TABLE.find("sbc1.example.test", DISABLED)
    assert isinstance(found, Refusal)
    assert found.q850 == 63


def test_the_reason_begins_its_text_with_a_guid() -> None:
    """OPS-04: a semicolon inside the quotes."""
    assert Refusal(404, 1, "not found").reason("g-u-i-d") == 'Q.850;cause=1;text="g-u-i-d;not found"'
