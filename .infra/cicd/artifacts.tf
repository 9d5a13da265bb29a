# What one action leaves for the next, and what tests keep between runs. CodePipeline writes each artifact under the first
# 20 characters of the pipeline's name and the first 10 of the artifact's, which is what the roles are cut to.

resource "aws_s3_bucket" "artifacts" {
  #checkov:skip=CKV_AWS_18:Who read or wrote an artifact is in CloudTrail; access logs would need a second bucket with the same question.
  #checkov:skip=CKV_AWS_21:Each run writes keys of its own, and all of them expire.
  #checkov:skip=CKV_AWS_144:Artifacts are made anew from the repository by the next run.
  #checkov:skip=CKV2_AWS_62:CodePipeline itself tells when an artifact is there.
  bucket = "${local.name}-${local.account_id}-${var.region}"

  # Nothing in it is the only copy of anything.
  force_destroy = true
}

# With the account's own key for S3, aws/s3: no monthly price, nothing to grant.
resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.artifact_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

data "aws_iam_policy_document" "artifacts" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"] # a Deny: whatever it is, not without TLS
    resources = [aws_s3_bucket.artifacts.arn, "${aws_s3_bucket.artifacts.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id
  policy = data.aws_iam_policy_document.artifacts.json

  # S3 takes one change of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.artifacts]
}
