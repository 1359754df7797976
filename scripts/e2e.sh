#!/usr/bin/env bash
# End to end, on whatever cluster KUBECONFIG names: installs the chart with its try-out PostgreSQL,
# signs examples/small.yaml, audits it with the command line of the operator's image, runs `helm test`, and removes everything again.
# The cluster has to have the images (`make kind-load`), and no other Chancery.
#
#   NAMESPACE   default chancery-e2e; made, and removed at the end
#   TIMEOUT     seconds that each step may take; default 300
#   HELM_ARGS   further arguments of `helm install`
#   KEEP        if set, nothing is removed
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"

namespace=${NAMESPACE:-chancery-e2e}
timeout=${TIMEOUT:-300}
read -ra helm_args <<<"${HELM_ARGS:-}"
owned=no

step() { printf 'e2e: %s\n' "$*" >&2; }
kube() { kubectl --namespace "$namespace" "$@"; }

show() {
    step "failed; what the cluster says:"
    kube get signingruns,all,events --output wide || true
    kube describe signingruns,jobs,pods || true
    kube logs --selector app.kubernetes.io/name=chancery --prefix --tail 100 --all-containers || true
}

clean_up() {
    local status=$?
    trap - EXIT
    if [ "$owned" = yes ]; then
        if [ "$status" -ne 0 ]; then show >&2; fi
        if [ -z "${KEEP:-}" ]; then
            step "removing everything"
            helm uninstall chancery --namespace "$namespace" >&2 || true
            kubectl delete crd signingruns.chancery.dev --timeout "${timeout}s" >&2 || true
            kubectl delete namespace "$namespace" --timeout "${timeout}s" >&2 || true
        fi
    fi
    exit "$status"
}

if kubectl get crd signingruns.chancery.dev >/dev/null 2>&1; then
    step "this cluster has a Chancery already (the CRD signingruns.chancery.dev): not touching it"
    exit 2
fi

kubectl create namespace "$namespace" >&2
owned=yes
trap clean_up EXIT
trap 'exit 130' INT TERM
kubectl label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted >&2

step "helm install"
helm install chancery charts/chancery --namespace "$namespace" \
    --wait --timeout "${timeout}s" "${helm_args[@]}" >&2

step "signing examples/small.yaml"
kube apply --filename examples/small.yaml >&2
kube wait --for=condition=Complete --timeout "${timeout}s" signingrun/small >&2
kube get signingruns >&2

step "auditing it"
kube exec deployment/chancery-operator --container operator -- /chancery status >&2
kube exec deployment/chancery-operator --container operator -- /chancery verify "$namespace/small"

step "helm test"
helm test chancery --namespace "$namespace" --timeout "${timeout}s" >&2
step "passed"
