# Sourced by quickstart.sh and run_tests.sh: make (once) an environment with svtoolkit in it, set $PYTHON.
# Environment: VENV (folder, default .venv), SVTOOLKIT_TORCH (what pip installs as torch), PIP_* as pip knows them.

make_environment() {  # $1: extras, such as dev
    local extras=${1:-} torch=${SVTOOLKIT_TORCH:-torch==2.13.0}
    local venv=${VENV:-.venv}
    PYTHON=$venv/bin/python
    local stamp
    stamp=$venv/.svtoolkit-${extras:-base}-$(cksum setup.py | cut -d' ' -f1)
    if [ -f "$stamp" ]; then
        echo "== environment $venv is ready"
        return
    fi
    local base=${BASE_PYTHON:-python3}
    "$base" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
        echo "Python 3.10 or newer is needed, $("$base" --version) was found; set BASE_PYTHON." >&2; exit 2; }
    echo "== making the environment $venv (once; a few minutes)"
    "$base" -m venv "$venv"
    "$PYTHON" -m pip install --quiet --upgrade pip 'setuptools<84' wheel
    "$PYTHON" -m pip install --quiet "$torch"
    # Without its dependencies: torchaudio asks for a torch of its own, and only its Python parts are needed.
    "$PYTHON" -m pip install --quiet --no-deps torchaudio==2.11.0
    "$PYTHON" -m pip install --quiet --no-build-isolation -e ".${extras:+[$extras]}"
    touch "$stamp"
}
