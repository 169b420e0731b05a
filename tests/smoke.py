"""The smoke subset: a few tests that call every dependency, for their lowest versions.

``pytest -m smoke`` runs them. Files with the tests in them that belong to it; none means all but
the longer ones.
"""

SMOKE: dict[str, tuple[str, ...]] = {
    "test_rng.py": ("test_philox_gives_the_known_answers",),  # numba
    "test_checkpoint.py": ("test_restored_is_uninterrupted",),  # every kernel, numpy's files
    "test_fipy_solver.py": (),
    "test_solvers.py": (),  # scipy
    "test_cdme.py": ("test_mean_is_the_finite_volume_solution_on_the_voxels",),
    "test_moments.py": (),
    "test_diffusion.py": (),
    "test_config.py": (),  # pydantic
    "test_command_line.py": (
        "test_a_file_runs_as_its_table_says",
        "test_replicas_are_an_ensemble",
    ),  # typer
    "test_ensemble.py": ("test_means_and_errors_are_those_of_the_replicas",),
    "test_dask.py": ("test_the_bits_of_the_serial_run",),
    "test_store.py": (  # xarray, zarr, h5netcdf
        "test_a_result_comes_back_whole",
        "test_values_and_labels_come_back_bit_for_bit",
    ),
    "test_writer.py": ("test_blocks_become_one_result",),
    "test_compare.py": (),  # pandas
    "test_pictures.py": (),  # matplotlib
    "test_export.py": (  # simulariumio, pyvista, ase
        "test_simularium",
        "test_extended_xyz",
        "test_vtk_collection",
        "test_netcdf",
    ),
    "test_sbml.py": ("test_laws", "test_in_three_dimensions"),  # libsbml
}


def in_smoke(file: str, function: str) -> bool:
    """Whether a test function of a file belongs to the smoke subset."""
    names = SMOKE.get(file)
    return names is not None and (not names or function in names)
