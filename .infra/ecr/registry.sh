#!/usr/bin/env bash
# What push-image, sign-image, keep-running, verify-running, roll-back and push-toolbox share: the pinned tools, and how a registry and ECS are asked. Source it.
registry_tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.tools" && pwd)

tool() { "$registry_tools/go-tool" "$@"; }

log_in() { # REPOSITORY: to ECR with the credentials that the AWS CLI has; other registries are asked as they are
  case ${1%%/*} in
  *.dkr.ecr.*) aws ecr get-login-password | tool crane auth login --username AWS --password-stdin "${1%%/*}" >&2 ;;
  esac
}

regctl() { # IMAGE ARGUMENT...: a registry on this machine is asked without TLS
  local host=()
  case $1 in
  127.0.0.1:* | localhost:*) host=(--host "reg=${1%%/*},tls=disabled") ;;
  esac
  tool regctl ${host[@]+"${host[@]}"} "${@:2}"
}

digest_of() { # IMAGE: its digest, or nothing if there is no such image; a registry that can't be asked is an error
  local problem
  problem=$(mktemp)
  if ! tool crane digest "$1" 2>"$problem" && ! grep -qE 'MANIFEST_UNKNOWN|NAME_UNKNOWN|404 Not Found' "$problem"; then
    cat "$problem" >&2
    return 1
  fi
}

id_of() { # IMAGE: the checksum of its configuration, as image-id prints it for an archive; nothing for a list of images
  tool crane manifest "$1" | jq --raw-output '.config.digest // empty'
}

running_images() { # ENV: the image that each service of the environment runs
  local cluster=app-$1 problem services definitions definition
  problem=$(mktemp)
  if ! services=$(aws ecs list-services --cluster "$cluster" --output json --query 'serviceArns[]' 2>"$problem"); then
    # Only a missing cluster means that nothing runs: a denied call must not.
    grep -q ClusterNotFoundException "$problem" || { cat "$problem" >&2 && return 1; }
    services='[]'
  fi

  definitions=$(jq --raw-output '.[]' <<<"$services" | xargs --no-run-if-empty --max-args 10 \
    aws ecs describe-services --cluster "$cluster" --output json --query 'services[].taskDefinition' --services | jq --raw-output '.[]' | sort -u)
  for definition in $definitions; do
    aws ecs describe-task-definition --task-definition "$definition" --output text \
      --query "taskDefinition.containerDefinitions[?name=='api'].image | [0]"
  done
}

keep() { # IMAGE, as repo@sha256:…: gives it the tag that the lifecycle policy keeps
  local mark
  mark=${1%@*}:deployed-$(cut -c 1-12 <<<"${1#*@sha256:}")
  if [[ -n $(digest_of "$mark") ]]; then
    return
  elif [[ -z $(digest_of "$1") ]]; then
    echo "$1 runs and is not in the repository any more: push an image that can replace it" >&2
  else
    tool crane tag "$1" "${mark##*:}"
    echo "$1 is kept as ${mark##*:}" >&2
  fi
}
