# DeployApp, the load balancer: what stands in front of the service, its certificate, its name, its firewall.

data "aws_iam_policy_document" "deploy_app_load_balancer" {
  #checkov:skip=CKV_AWS_111:RequestCertificate has no resource-level permission, and has to carry the environment's tags.
  #checkov:skip=CKV_AWS_356:Elastic Load Balancing's Describe calls have no resource-level permission.
  statement {
    sid = "Look"
    actions = [
      "elasticloadbalancing:DescribeCapacityReservation", "elasticloadbalancing:DescribeListenerAttributes",
      "elasticloadbalancing:DescribeListenerCertificates",
      "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancerAttributes",
      "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags",
      "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"] # no resource-level permission exists
  }

  statement {
    sid = "LoadBalancer"
    actions = [
      "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateLoadBalancer",
      "elasticloadbalancing:CreateRule", "elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:DeleteListener",
      "elasticloadbalancing:DeleteRule", "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:ModifyListener",
      "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:ModifyLoadBalancerAttributes",
      "elasticloadbalancing:ModifyRule", "elasticloadbalancing:ModifyTargetGroup",
      "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RemoveListenerCertificates", "elasticloadbalancing:RemoveTags",
      "elasticloadbalancing:SetRulePriorities", "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
      "elasticloadbalancing:SetWebAcl",
    ]
    resources = [
      format(local.regional, "elasticloadbalancing", "loadbalancer/app/${local.app}/*"),
      format(local.regional, "elasticloadbalancing", "listener/app/${local.app}/*"),
      format(local.regional, "elasticloadbalancing", "listener-rule/app/${local.app}/*"),
      format(local.regional, "elasticloadbalancing", "targetgroup/${local.app}-*/*"),
    ]
  }

  statement {
    sid       = "RequestCertificate"
    actions   = ["acm:RequestCertificate"]
    resources = ["*"] # no resource-level permission exists

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  # A certificate is tagged while it is requested, so the tags are the request's.
  statement {
    sid       = "TagCertificate"
    actions   = ["acm:AddTagsToCertificate"]
    resources = [format(local.regional, "acm", "certificate/*")]

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid       = "Certificate"
    actions   = ["acm:DeleteCertificate", "acm:DescribeCertificate", "acm:ListTagsForCertificate", "acm:RemoveTagsFromCertificate"]
    resources = [format(local.regional, "acm", "certificate/*")]

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  dynamic "statement" {
    for_each = var.hosted_zone_id == "" ? [] : [var.hosted_zone_id]

    content {
      sid       = "Records"
      actions   = ["route53:ChangeResourceRecordSets", "route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ListTagsForResource"]
      resources = ["arn:${local.partition}:route53:::hostedzone/${statement.value}"]
    }
  }

  dynamic "statement" {
    for_each = var.hosted_zone_id == "" ? [] : [var.hosted_zone_id]

    content {
      sid       = "RecordsInSync"
      actions   = ["route53:GetChange"]
      resources = ["arn:${local.partition}:route53:::change/*"] # AWS makes up their names
    }
  }

  statement {
    sid = "Firewall"
    actions = [
      "wafv2:AssociateWebACL", "wafv2:CreateWebACL", "wafv2:DeleteLoggingConfiguration", "wafv2:DeleteWebACL",
      "wafv2:DisassociateWebACL", "wafv2:GetLoggingConfiguration", "wafv2:GetWebACL", "wafv2:GetWebACLForResource",
      "wafv2:ListTagsForResource", "wafv2:PutLoggingConfiguration", "wafv2:TagResource", "wafv2:UntagResource",
      "wafv2:UpdateWebACL",
    ]
    resources = [
      format(local.regional, "wafv2", "regional/webacl/${local.app}/*"),
      format(local.regional, "wafv2", "regional/managedruleset/*/*"), # AWS's own
      format(local.regional, "elasticloadbalancing", "loadbalancer/app/${local.app}/*"),
    ]
  }
}
