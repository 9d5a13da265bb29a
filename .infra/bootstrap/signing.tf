# The key that images are signed with. A person makes it, so that no pipeline can change who may use it. Only a role DeployECR of a
# pipeline may sign; whoever the account's policies allow may verify, and so may anybody who has the public key.

resource "aws_kms_key" "signing" {
  #checkov:skip=CKV_AWS_7:KMS rotates no asymmetric key; .github/SECURITY.md says what a new key means.
  description              = "Signatures of the images of clockmirror"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256" # the curve that every verifier knows
  deletion_window_in_days  = 30              # without it, nothing that was signed can be deployed any more
  policy                   = data.aws_iam_policy_document.signing_key.json
}

resource "aws_kms_alias" "signing" {
  name          = "alias/clockmirror-signing"
  target_key_id = aws_kms_key.signing.key_id
}

data "aws_iam_policy_document" "signing_key" {
  #checkov:skip=CKV_AWS_109:A key's policy speaks of this key alone; without the account in it the key could not be managed.
  #checkov:skip=CKV_AWS_111:As above.
  #checkov:skip=CKV_AWS_356:In a key's policy, * is the key itself.
  statement {
    sid = "AccountManagesAndVerifies"
    # Not kms:Sign, and no grants, which would give it away. Who in the account may do so is for IAM to say.
    actions = [
      "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey",
      "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:GetPublicKey", "kms:ListGrants", "kms:ListKeyPolicies",
      "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:TagResource",
      "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription", "kms:Verify",
    ]
    resources = ["*"] # this key

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  # By its name, as the role is made later, by the stack cicd; its policy has to allow it as well.
  statement {
    sid       = "DeployECRSigns"
    actions   = ["kms:Sign"]
    resources = ["*"] # this key

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/cicd-*-deploy-ecr"]
    }
  }
}
