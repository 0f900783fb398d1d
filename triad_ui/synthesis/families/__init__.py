"""All product families by name, and those that are kept back for validation."""

from __future__ import annotations

from triad_ui.synthesis.families.boards import CircuitBoard
from triad_ui.synthesis.families.cables import Cable, RibbonCable
from triad_ui.synthesis.families.closures import BottleCap, Zipper
from triad_ui.synthesis.families.connectors import PinConnector
from triad_ui.synthesis.families.fasteners import Screw, WasherSet
from triad_ui.synthesis.families.gauges import DialGauge
from triad_ui.synthesis.families.grids import WireGrid
from triad_ui.synthesis.families.packs import BlisterPack, EggCarton
from triad_ui.synthesis.families.panels import ButtonPanel, FuseBox
from triad_ui.synthesis.families.pharma import Capsule, Tablet
from triad_ui.synthesis.families.prints import PaperLabel
from triad_ui.synthesis.families.sheets import DrilledPlate, PerforatedSheet
from triad_ui.synthesis.families.surfaces import CeramicTile, Leather, WoodPanel
from triad_ui.synthesis.families.textiles import Carpet, WovenFabric
from triad_ui.synthesis.families.trays import ChocolateBox
from triad_ui.synthesis.families.vessels import Bottle, BottleMouth
from triad_ui.synthesis.families.wheels import Gear, HexNut
from triad_ui.synthesis.product import Family

_ALL: tuple[Family, ...] = (
    Cable(),
    RibbonCable(),
    Capsule(),
    Tablet(),
    CircuitBoard(),
    PinConnector(),
    Bottle(),
    BottleMouth(),
    Gear(),
    HexNut(),
    WovenFabric(),
    Carpet(),
    BlisterPack(),
    EggCarton(),
    ChocolateBox(),
    ButtonPanel(),
    FuseBox(),
    DialGauge(),
    DrilledPlate(),
    PerforatedSheet(),
    Leather(),
    CeramicTile(),
    WoodPanel(),
    Screw(),
    WasherSet(),
    Zipper(),
    BottleCap(),
    PaperLabel(),
    WireGrid(),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
"""Name -> instance."""

HELD_OUT: tuple[str, ...] = (
    "ribbon cable",
    "tablet",
    "bottle mouth",
    "carpet",
    "fuse box",
    "egg carton",
)
"""Never trained on: pictures of these tell how well a model judges products new to it."""
