#!/usr/bin/env bash
# What sign-image and verify-image share. An attestation is an in-toto statement on an image, signed as a DSSE envelope in a Sigstore
# bundle, and an OCI referrer of the image: what `cosign verify` and `cosign verify-attestation` read. Source it.
statement_type=application/vnd.in-toto+json
# shellcheck disable=SC2034 # its users read them
bundle_type=application/vnd.dev.sigstore.bundle.v0.3+json
# shellcheck disable=SC2034
signature_predicate=https://sigstore.dev/cosign/sign/v1 provenance_predicate=https://slsa.dev/provenance/v1 sbom_predicate=https://cyclonedx.org/bom

signed_text() { # STATEMENT: the bytes that are signed for it, DSSE's pre-authentication encoding
  printf 'DSSEv1 %d %s %d ' "${#statement_type}" "$statement_type" "$(wc -c <"$1")"
  cat "$1"
}

public_key() { # KEY: of a file, or of a key in KMS by its ARN or alias, as PEM
  if [[ -f $1 ]]; then
    cat "$1"
  else
    aws kms get-public-key --key-id "$1" --output text --query PublicKey | base64 --decode | openssl pkey -pubin -inform DER
  fi
}

expect() { # ENV: sets who has to have built and signed an image; what is not set already is asked of the environment's pipeline
  local source repository branch
  : "${SIGNER:=alias/clockmirror-signing}" "${PIPELINE:=cicd-$1}"
  if [[ -z ${SOURCE_REPOSITORY:-} || -z ${SOURCE_BRANCH:-} ]]; then
    if ! source=$(aws codepipeline get-pipeline --name "$PIPELINE" --output text \
      --query "pipeline.stages[0].actions[0].configuration.[FullRepositoryId, BranchName]"); then
      echo "the pipeline $PIPELINE can't be asked what it builds: where another one delivers to $1, give PIPELINE=…, such as PIPELINE=cicd-prod" >&2
      return 1
    fi
    read -r repository branch <<<"$source"
    : "${SOURCE_REPOSITORY:=$repository}" "${SOURCE_BRANCH:=$branch}"
  fi
  export SIGNER PIPELINE SOURCE_REPOSITORY SOURCE_BRANCH
}
