# DeployApp, the load balancer: what stands in front of the service, its name, its firewall.
#
# A certificate is created and deleted by a person, who applies the stack once after changing a domain: ACM can't limit tagging
# to the certificate that is being requested, so that right would reach every certificate in the account.

locals {
  permissions_deploy_app_load_balancer = { for env, of in local.environments : env => concat(
    [
      {
        sid = "Read"
        why = "Elastic Load Balancing's Describe calls know no resource"
        actions = [
          "elasticloadbalancing:DescribeCapacityReservation", "elasticloadbalancing:DescribeListenerAttributes",
          "elasticloadbalancing:DescribeListenerCertificates", "elasticloadbalancing:DescribeListeners",
          "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancers",
          "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags",
          "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroups",
          "elasticloadbalancing:DescribeTargetHealth",
        ]
        resources = ["*"]
      },
      {
        sid = "LoadBalancer"
        why = "the environment's own, by its name"
        actions = [
          "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener",
          "elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateRule", "elasticloadbalancing:CreateTargetGroup",
          "elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteRule", "elasticloadbalancing:DeleteTargetGroup",
          "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyListenerAttributes",
          "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyRule",
          "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
          "elasticloadbalancing:RemoveListenerCertificates", "elasticloadbalancing:RemoveTags",
          "elasticloadbalancing:SetRulePriorities", "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
        ]
        resources = [
          format(local.regional, "elasticloadbalancing", "loadbalancer/app/${of.app}/*"),
          format(local.regional, "elasticloadbalancing", "listener/app/${of.app}/*"),
          format(local.regional, "elasticloadbalancing", "listener-rule/app/${of.app}/*"),
          format(local.regional, "elasticloadbalancing", "targetgroup/${of.app}-*/*"),
        ]
      },
      {
        sid       = "FirewallOfLoadBalancer"
        why       = "WAF asks it of whoever associates a web ACL; Elastic Load Balancing knows no resource for it"
        actions   = ["elasticloadbalancing:SetWebAcl"]
        resources = ["*"]
      },
      {
        sid       = "ReadCertificates"
        why       = "the stack reads what a person has created; it changes none"
        actions   = ["acm:DescribeCertificate", "acm:ListTagsForCertificate"]
        resources = [format(local.regional, "acm", "certificate/*")]
      },
      {
        sid = "Firewall"
        why = "the environment's own, by its name, with AWS's managed rules"
        actions = [
          "wafv2:AssociateWebACL", "wafv2:CreateWebACL", "wafv2:DeleteLoggingConfiguration", "wafv2:DeleteWebACL",
          "wafv2:DisassociateWebACL", "wafv2:GetLoggingConfiguration", "wafv2:GetWebACL", "wafv2:GetWebACLForResource",
          "wafv2:ListTagsForResource", "wafv2:PutLoggingConfiguration", "wafv2:TagResource", "wafv2:UntagResource",
          "wafv2:UpdateWebACL",
        ]
        resources = [
          format(local.regional, "wafv2", "regional/webacl/${of.app}/*"),
          format(local.regional, "wafv2", "regional/managedruleset/*/*"),
          format(local.regional, "elasticloadbalancing", "loadbalancer/app/${of.app}/*"),
        ]
      },
    ],
    [for zone in compact([of.hosted_zone_id]) : {
      sid       = "Records"
      why       = "the domain's names and the proof that a certificate asks for"
      actions   = ["route53:ChangeResourceRecordSets", "route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ListTagsForResource"]
      resources = ["arn:${local.partition}:route53:::hostedzone/${zone}"]
    }],
    [for zone in compact([of.hosted_zone_id]) : {
      sid       = "RecordsInSync"
      why       = "AWS chooses the names of changes"
      actions   = ["route53:GetChange"]
      resources = ["arn:${local.partition}:route53:::change/*"]
    }],
  ) }
}
