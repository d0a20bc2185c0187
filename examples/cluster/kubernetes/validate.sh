#!/usr/bin/env bash
# Holds the manifests against Kubernetes' own schemas, without a cluster. Needs Python; what it installs stays in a folder of its own.
set -euo pipefail
cd "$(dirname "$0")"
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet kubernetes-validate
# Counting failures by share came with 1.29, and is on by default from 1.33 on.
for version in 1.29 1.33 1.37; do
  "$venv/bin/kubernetes-validate" --strict --kubernetes-version "$version" predict.yaml
done
