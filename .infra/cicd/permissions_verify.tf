# Verify: looks at what the service runs. What it may do when the image fails is in permissions_verify_roll_back.tf.

data "aws_iam_policy_document" "verify" {
  #checkov:skip=CKV_AWS_356:DescribeTaskDefinition has no resource-level permission.
  statement {
    sid       = "LookAtService"
    actions   = ["ecs:DescribeClusters", "ecs:DescribeServices"]
    resources = [format(local.regional, "ecs", "cluster/${local.app}"), format(local.regional, "ecs", "service/${local.app}/api")]
  }

  statement {
    sid       = "LookAtRevision"
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"] # no resource-level permission exists
  }
}

resource "aws_iam_role_policy" "verify" {
  name   = "verify"
  role   = aws_iam_role.action["Verify"].id
  policy = data.aws_iam_policy_document.verify.json
}
