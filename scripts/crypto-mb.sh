#!/usr/bin/env bash
# Builds what measures Intel's crypto_mb beside the kernel: .tools/crypto-mb/rate.
#
#   scripts/crypto-mb.sh
#
# For `make bench ARGS='--only kernel'` alone. It takes pip's packages ipp-crypto-static and ipp-crypto-include, and needs a
# C compiler and the library of OpenSSL.
set -euo pipefail
cd "$(dirname "$0")/.."

place=.tools/crypto-mb
python3 -m venv "$place/python"
"$place/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
    --only-binary :all: --require-hashes --requirement bench/crypto_mb/requirements.txt
"${CC:-cc}" -O2 -I"$place/python/include/aggregator" -o "$place/rate" bench/crypto_mb/rate.c \
    "$place/python/lib/libcrypto_mb.a" -lcrypto
echo "$place/rate"
