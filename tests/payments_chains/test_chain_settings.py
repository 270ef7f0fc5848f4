"""The sections ``[plugins.evm]`` and ``[plugins.tron]``: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from deposit_host import ETHEREUM_XPUB, TRON_XPUB, Host
from router_plugins.chains import base58check, checksummed, from_base58check
from router_plugins.evm import Evm
from router_plugins.evm.settings import Settings as EvmSettings
from router_plugins.evm.settings import known_networks
from router_plugins.tron import Settings as TronSettings
from router_plugins.tron import Tron

from router import ConfigError, Secret
from router.config.convert import build_record

USDC = known_networks()["ethereum"]["tokens"]["USDC"]["contract"]
RPC = {"rpc": ["https://one.example", "https://two.example"]}


def built(kind: type, **section: Any) -> Any:
    return build_record(kind, section, locate=lambda path: f"router.toml: {path}", secret=_secret)


def _secret(text: str) -> Secret:
    return Secret("", text) if text.startswith("env:") else Secret(text)


def _changed(**parts: bytes) -> str:
    """The xpub with other bytes, and a checksum that fits."""
    data = from_base58check(ETHEREUM_XPUB)
    cuts = {"version": (0, 4), "depth": (4, 5), "key": (45, 78)}
    for name, value in parts.items():
        start, end = cuts[name]
        data = data[:start] + value + data[end:]
    return base58check(data)


@pytest.mark.parametrize("kind", [EvmSettings, TronSettings])
@pytest.mark.parametrize(
    ("xpub", "told"),
    [
        pytest.param("xprv" + ETHEREUM_XPUB[4:], "exposed", id="xprv"),
        pytest.param(_changed(version=bytes.fromhex("0488ade4")), "exposed", id="bytes of an xprv"),
        pytest.param(ETHEREUM_XPUB[:-1] + "1", "checksum", id="last character"),
        pytest.param(ETHEREUM_XPUB[:-1], "checksum", id="cut"),
        pytest.param(ETHEREUM_XPUB[:50] + "0" + ETHEREUM_XPUB[51:], "not base58", id="alphabet"),
        pytest.param(_changed(version=bytes.fromhex("04b24746")), "no xpub", id="zpub"),
        pytest.param(_changed(depth=b"\x00"), "depth 0, not 3", id="root"),
        pytest.param(_changed(depth=b"\x04"), "depth 4, not 3", id="chain"),
        pytest.param(_changed(key=b"\x02" + b"\0" * 31 + b"\x05"), "no point of the curve", id="off the curve"),
        pytest.param(_changed(key=b"\x02" + b"\xff" * 32), "no point of the curve", id="x too large"),
        pytest.param(_changed(key=b"\x04" + b"\x01" * 32), "no point of the curve", id="not compressed"),
        pytest.param("0x8C8d35429F74ec245F8Ef2f4Fd1e551c", "not base58", id="an address"),
        pytest.param("test test test test", "not base58", id="words"),
    ],
)
def test_an_xpub_that_is_none_is_refused_without_being_shown(kind: type, xpub: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        built(kind, xpub=xpub)
    assert xpub not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"networks": {"gnosis": RPC}}, "networks.gnosis is not known"),
        ({"networks": {"base": RPC | {"chain_id": 1}}}, "networks.base has chain_id 8453"),
        ({"networks": {"base": RPC | {"tokens": ["USDT"]}}}, "USDT has no known contract there"),
        ({"networks": {"base": RPC | {"contracts": {"X": {"contract": "0x12"}}}}}, "the contract of X is no address"),
        ({"networks": {"base": RPC | {"contracts": {"X": {"contract": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB49"}}}}},
         "a digit of it is wrong"),
        ({"networks": {"base": RPC | {"feed": "none"}}}, "the contract of feed"),
        ({"networks": {"base": {"rpc": ["ftp://x"]}}}, "a URL begins with https"),
        ({"networks": {"base": RPC | {"confirmations": -1}}}, "confirmations"),
        ({"least": "five"}, "'five' is not an amount"),
        ({"least": "-5"}, "'-5' is not an amount"),
        ({"least_eth": "1e-3"}, "is not an amount"),
        ({"least": 5}, "put it in quotes"),
        ({"xpubs": "x"}, "did you mean 'xpub'"),
    ],
)  # fmt: skip
def test_a_section_of_evm_that_cannot_work_is_refused(section: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        built(EvmSettings, **section)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"contract": "0xa614f803b6fd780986a42c78ec9c7f77e6ded13c"}, "contract: not base58"),
        ({"contract": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6T"}, "contract: its checksum"),
        ({"contract": base58check(b"\x00" + b"\x01" * 20)}, "is no address of TRON's"),
        ({"rest": "api.trongrid.io"}, "a URL begins with https"),
        ({"least": ""}, "is not an amount"),
    ],
)
def test_a_section_of_tron_that_cannot_work_is_refused(section: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        built(TronSettings, **section)


@pytest.mark.parametrize(
    ("plugin", "settings", "told"),
    [
        (Evm(), built(EvmSettings), "xpub is not set"),
        (Evm(), built(EvmSettings, xpub=ETHEREUM_XPUB), "name networks"),
        (Evm(), built(EvmSettings, xpub=ETHEREUM_XPUB, networks={"base": {}}), "give the URLs of two nodes"),
        (
            Evm(),
            built(EvmSettings, xpub=ETHEREUM_XPUB, networks={"base": {"rpc": ["env:BASE_RPC"]}}),
            "set the environment variable BASE_RPC",
        ),
        (Tron(), built(TronSettings), "xpub is not set"),
        (Tron(), built(TronSettings, xpub=TRON_XPUB, rpc=[]), "rpc is empty"),
    ],
)
def test_a_method_that_is_not_set_up_is_offered_to_nobody(plugin: Any, settings: Any, told: str) -> None:
    host = Host(plugin, settings, 0)
    with pytest.raises(ConfigError, match=told):
        plugin.payment_offer(host.context, "acc_1")
    [line] = plugin.payment_health(host.context)
    assert not line.ok and told in line.text


def test_networks_of_which_one_lacks_its_url_are_offered_without_it() -> None:
    networks = {"base": RPC, "polygon": {"rpc": ["env:POLYGON_RPC"]}, "bsc": RPC}
    host = Host(Evm(), built(EvmSettings, xpub=ETHEREUM_XPUB, networks=networks, least="2.5"), 0)
    offer = host.plugin.payment_offer(host.context, "acc_1")
    assert offer.title == "USDC and USDT on Base and BNB Smart Chain"
    assert (offer.way, offer.currency, offer.decimals, offer.least) == ("address", "USDC", 6, 2_500_000)
    given = host.plugin.payment_address(host.context, "acc_1", 0)
    assert list(given.networks) == [("Base", ("USDC",)), ("BNB Smart Chain", ("USDT",))]
    assert "Deposits below 2.5 are not credited" in given.warning and "Any other token" in given.warning


@pytest.mark.row("AG-8")
def test_tron_warns_of_other_tokens() -> None:
    host = Host(Tron(), built(TronSettings, xpub=TRON_XPUB), 0)
    given = host.plugin.payment_address(host.context, "acc_1", 0)
    assert given.address.startswith("T") and len(given.address) == 34
    assert "Other tokens that are sent to this address, TRX among them, are not credited" in given.warning
    assert host.plugin.payment_offer(host.context, "acc_1").title == "USDT on TRON (TRC-20)"


def test_contracts_of_known_networks_are_written_with_their_checksum() -> None:
    contracts = [one["contract"] for network in known_networks().values() for one in network["tokens"].values()]
    contracts += [network["feed"] for network in known_networks().values() if "feed" in network]
    assert len(contracts) == 10
    assert contracts == [checksummed(bytes.fromhex(one[2:])) for one in contracts]


def test_the_contract_of_usdt_on_tron() -> None:
    assert from_base58check(TronSettings().contract).hex() == "41a614f803b6fd780986a42c78ec9c7f77e6ded13c"


@pytest.mark.parametrize(
    ("network", "told"),
    [
        pytest.param({"contracts": {"USDX": {"contract": USDC.lower()}}}, "one contract: name it once", id="alias"),
        pytest.param(
            {"contracts": {"A": {"contract": "0x" + "1" * 40}, "B": {"contract": "0x" + "1" * 40}}},
            "A and B are one contract",
            id="two names",
        ),
        pytest.param({"contracts": {"ETH": {"contract": "0x" + "1" * 40}}}, "network's own currency", id="coin"),
    ],
)
def test_a_contract_and_a_name_belong_to_each_other(network: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        built(EvmSettings, xpub=ETHEREUM_XPUB, networks={"ethereum": {**RPC, **network}})
    chosen = {"tokens": ["USDX"], "contracts": {"USDX": {"contract": USDC}}}
    built(EvmSettings, xpub=ETHEREUM_XPUB, networks={"ethereum": {**RPC, **chosen}})
