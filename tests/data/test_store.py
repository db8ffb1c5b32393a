import multiprocessing
from dataclasses import replace

import numpy as np
import pytest

from rsuper.data.store import (
    AIR_HU,
    INDEXED_TUMOR_VOXELS,
    StoredCase,
    _Memory,
    bounding_box,
    index_case,
    open_store,
    open_withheld,
    structure_mask,
    write_case,
    write_index,
    write_withheld,
)
from rsuper.errors import ArtifactError
from rsuper.files import sha256_of


@pytest.fixture
def stored(tmp_path):
    """A 40 x 6 x 5 case; each voxel of the CT holds its x."""
    ct = np.broadcast_to(np.arange(40, dtype=np.int16)[:, None, None], (40, 6, 5)).copy()
    organs = np.zeros((40, 6, 5), np.uint8)
    organs[2:5, 1:3, 0:4] = 1  # pancreas_head
    organs[5:9, 1:3, 0:2] = 4  # pancreas that no segment claims
    tumors = np.zeros_like(organs)
    tumors[3, 2, 1] = 1
    write_case(tmp_path / "volumes", "c", ct, organs, tumors)
    index = index_case("c", ct, organs, tumors, ["pancreas", "kidney"], (4.0, 4.0, 4.0))
    write_index([index], tmp_path / "volumes")
    (tmp_path / "volumes.csv").write_text("case_id\n")
    return tmp_path


def test_the_index_by_hand_and_after_the_round_trip(stored):
    index = open_store(stored / "volumes.csv")["c"].index
    assert index.boxes == {
        "pancreas_head": ((2, 1, 0), (5, 3, 4)),
        "pancreas": ((2, 1, 0), (9, 3, 4)),  # with its segment
    }
    assert index.tumor_voxels == {"pancreas": [(3, 2, 1)], "kidney": []}  # annotated and empty
    assert index.mean_hu == pytest.approx(19.5)  # 0 .. 39
    assert index.std_hu == pytest.approx(np.sqrt((40**2 - 1) / 12))
    assert index.shape == (40, 6, 5)
    assert index.spacing_mm == (4, 4, 4)


def test_boxes_are_read_with_padding(stored):
    case = open_store(stored / "volumes.csv")["c"]
    np.testing.assert_array_equal(
        case.ct((30, 1, 1), (4, 2, 1))[:, 0, 0], [30, 31, 32, 33]
    )  # over two chunks
    low = case.ct((-2, 0, 0), (4, 1, 1))
    np.testing.assert_array_equal(low[:, 0, 0], [AIR_HU, AIR_HU, 0, 1])
    high = case.ct((38, 0, 0), (4, 1, 1))
    np.testing.assert_array_equal(high[:, 0, 0], [38, 39, AIR_HU, AIR_HU])
    around = case.organs((-1, -1, -1), (42, 8, 7))
    assert around.shape == (42, 8, 7)
    assert (around == 1).sum() == 3 * 2 * 4
    assert around[3, 2, 1] == 1  # voxel (2, 1, 0)
    assert case.tumors((3, 2, 1), (1, 1, 1)).item() == 1
    np.testing.assert_array_equal(case.ct((50, 0, 0), (2, 2, 2)), np.full((2, 2, 2), AIR_HU))
    np.testing.assert_array_equal(case.ct((-9, 0, 0), (2, 2, 2)), np.full((2, 2, 2), AIR_HU))


def test_what_was_not_stored_is_an_error(stored, tmp_path):
    case = open_store(stored / "volumes.csv")["c"]
    empty = np.zeros((2, 2, 2), np.uint8)
    write_case(tmp_path / "volumes", "c", empty.astype(np.int16), empty, None)  # annotations withdrawn
    with pytest.raises(ArtifactError, match=r"c.tumors.b2nd: no such array"):
        StoredCase(case.folder, case.index).tumors((0, 0, 0), (1, 1, 1))
    with pytest.raises(ArtifactError, match="not finished"):
        open_store(tmp_path / "other" / "volumes.csv")


def test_not_annotated_is_not_empty():
    organs = np.zeros((2, 2, 2), np.uint8)
    ct = organs.astype(np.int16)
    assert index_case("c", ct, organs, None, ["kidney"], (1.0, 1.0, 1.0)).tumor_voxels == {}
    assert index_case("c", ct, organs, organs, ["kidney"], (1.0, 1.0, 1.0)).tumor_voxels == {"kidney": []}


def test_mean_and_deviation_are_those_of_the_clipped_ct():
    ct = np.random.default_rng(0).integers(-1024, 3072, (9, 8, 7)).astype(np.int16)
    organs = np.zeros(ct.shape, np.uint8)
    index = index_case("c", ct, organs, None, [], (1.0, 1.0, 1.0), (-80.5, 280.25))
    clipped = ct.astype(np.float64).clip(-80.5, 280.25)
    assert index.mean_hu == pytest.approx(clipped.mean(), rel=1e-12)
    assert index.std_hu == pytest.approx(clipped.std(), rel=1e-12)
    plain = index_case("c", ct, organs, None, [], (1.0, 1.0, 1.0))
    assert plain.mean_hu == pytest.approx(ct.mean(), rel=1e-12)
    assert index_case("c", ct * 0, organs, None, [], (1.0, 1.0, 1.0)).std_hu == 1  # nothing to divide by


def test_a_large_tumor_is_sampled_evenly():
    tumors = np.full((10, 10, 10), 2, np.uint8)
    ct = tumors.astype(np.int16)
    voxels = index_case("c", ct, tumors, tumors, ["kidney"], (1.0, 1.0, 1.0)).tumor_voxels["kidney"]
    assert len(voxels) == INDEXED_TUMOR_VOXELS  # 1000 / 200: every fifth
    assert voxels[:2] == [(0, 0, 0), (0, 0, 5)]


def test_structures():
    organs = np.array([0, 1, 2, 3, 4, 5, 6], np.uint8).reshape(7, 1, 1)
    assert structure_mask(organs, ["pancreas"]).ravel().tolist() == [0, 1, 1, 1, 1, 0, 0]
    assert structure_mask(organs, ["pancreas_tail", "kidney_left"]).ravel().tolist() == [0, 0, 0, 1, 0, 1, 0]
    assert not structure_mask(organs, []).any()
    assert bounding_box(structure_mask(organs, [])) is None


def test_the_tiny_store_is_in_ras_whatever_the_file_order(collection, boxes):
    for case in ("tiny_M1", "tiny_M2"):  # RAS and LPS
        stored = collection.stored[case]
        assert {name: stored.index.boxes[name] for name in boxes if "lesion" not in name} == {
            name: box for name, box in boxes.items() if "lesion" not in name
        }
    tumors = collection.stored["tiny_M2"].tumors((0, 0, 0), (40, 32, 32))
    assert bounding_box(tumors == 2) == boxes["kidney_lesion"]
    assert collection.stored["tiny_R1"].index.tumor_voxels == {}


def test_withheld_labels_lie_apart_from_the_volumes(stored):
    assert open_withheld(stored / "volumes.csv") == {}
    tumors = np.zeros((40, 6, 5), np.uint8)
    tumors[7, 3, 2] = 2
    write_withheld(stored / "withheld", "c", tumors)
    index = open_store(stored / "volumes.csv")["c"].index
    write_index([index], stored / "withheld")
    case, usual = open_withheld(stored / "volumes.csv")["c"], open_store(stored / "volumes.csv")["c"]
    assert (case.ct((7, 0, 0), (1, 1, 1)) == 7).all()
    assert np.argwhere(case.tumors((0, 0, 0), (40, 6, 5))).tolist() == [[7, 3, 2]]
    assert np.argwhere(usual.tumors((0, 0, 0), (40, 6, 5))).tolist() == [[3, 2, 1]]


def test_the_index_has_the_hash_of_every_array_as_it_lies_on_disk(collection):
    found = {}
    for case, stored in collection.stored.items():
        files = {name: stored.folder / f"{case}.{name}.b2nd" for name in ("ct", "organs", "tumors")}
        found[case] = {name: sha256_of(path) for name, path in files.items() if path.is_file()}
        assert stored.index.sha256 == found[case]
    assert "tumors" in found["tiny_M1"]
    assert "tumors" not in found["tiny_R1"]  # withheld: the hash of an empty mask would tell
    (case,) = [stored for name, stored in collection.withheld.items() if name == "tiny_R1"]
    assert case.index.sha256 == {"tumors": sha256_of(case.tumor_folder / "tiny_R1.tumors.b2nd")}


def test_the_hash_of_a_collection_follows_every_array(collection):
    before = collection.volumes_hash()
    case = collection.stored["tiny_M1"]
    other = replace(case, index=replace(case.index, sha256={**case.index.sha256, "organs": "0"}))
    collection.stored["tiny_M1"] = other
    try:
        assert collection.volumes_hash() != before
    finally:
        collection.stored["tiny_M1"] = case
    assert collection.volumes_hash() == before


def test_small_arrays_stay_in_memory_and_nobody_can_change_them(stored, monkeypatch):
    (case,) = open_store(stored / "volumes.csv").values()
    box = (0, 0, 0), case.index.shape
    first = case.ct(*box)
    assert isinstance(case._ct, np.ndarray)
    first[:] = 7
    assert (case.ct(*box) != 7).any()
    with monkeypatch.context() as patch:
        patch.setattr(_Memory, "left", 0)  # nothing is kept once the memory is used up
        fresh = replace(case)
        assert not isinstance(fresh._ct, np.ndarray)
        for read in ("ct", "organs", "tumors"):
            np.testing.assert_array_equal(getattr(fresh, read)(*box), getattr(case, read)(*box))
            np.testing.assert_array_equal(
                getattr(fresh, read)((-3, 2, 1), (9, 4, 99)), getattr(case, read)((-3, 2, 1), (9, 4, 99))
            )


def test_a_forked_process_reads_what_its_parent_has_read(tmp_path, monkeypatch):
    """Threads of blosc2 do not live on in the child, which waited for them."""
    monkeypatch.setattr(_Memory, "left", 0)
    ct = np.random.default_rng(0).integers(-1000, 1000, (128, 128, 64), np.int16)  # many blocks
    write_case(tmp_path, "c", ct, np.zeros(ct.shape, np.uint8), None)
    case = StoredCase(tmp_path, index_case("c", ct, np.zeros(ct.shape, np.uint8), None, [], (1.0, 1.0, 1.0)))

    def read():
        assert (case.ct((3, 4, 5), (100, 100, 50)) == ct[3:103, 4:104, 5:55]).all()

    read()
    child = multiprocessing.get_context("fork").Process(target=read)
    child.start()
    child.join(60)
    ended = child.exitcode
    child.kill()
    child.join()
    assert ended == 0
