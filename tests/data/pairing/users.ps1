# Pairs this SBC with Microsoft Teams Direct Routing. It may be run again after a change.
# First sign in to the tenant of the SBC as a Teams administrator; sbc.example.com or example.com must be a domain of it:
#   Connect-MicrosoftTeams -TeamsEnvironmentName TeamsGCCH
#Requires -Modules MicrosoftTeams
$ErrorActionPreference = 'Stop'
$fqdn = 'sbc.example.com'

# The gateway. Draining it: Set-CsOnlinePSTNGateway -Identity $fqdn -Enabled $false
$gateway = @{
    SipSignalingPort      = 5061
    Enabled               = $true
    SendSipOptions        = $true
    FailoverTimeSeconds   = 10
    FailoverResponseCodes = '408,503,504'
    MaxConcurrentSessions = 10000
    MediaBypass           = $false
    ForwardCallHistory    = $true
    ForwardPai            = $false
    PidfLoSupported       = $true
}
if (Get-CsOnlinePSTNGateway | Where-Object { $_.Identity -eq $fqdn }) {
    Set-CsOnlinePSTNGateway -Identity $fqdn @gateway
} else {
    New-CsOnlinePSTNGateway -Fqdn $fqdn @gateway
}
# Left as they are, since they are the tenant's affair: BypassMode, ProxySbc, GatewaySiteId,
# GatewaySiteLbrEnabled, GatewayLbrEnabledUserOverride, MediaRelayRoutingLocationOverride, IPAddressVersion
# and the number translation rules.

# Every number goes to this SBC, whose own routes decide. Gateways that are in the route already stay.
$usage = 'RusTalk'
if ((Get-CsOnlinePstnUsage -Identity Global).Usage -notcontains $usage) {
    Set-CsOnlinePstnUsage -Identity Global -Usage @{ Add = $usage }
}
$route = 'RusTalk'
$found = Get-CsOnlineVoiceRoute | Where-Object { $_.Identity -eq $route }
if (-not $found) {
    $goal = @{ OnlinePstnGatewayList = $fqdn; OnlinePstnUsages = $usage }
    New-CsOnlineVoiceRoute -Identity $route -NumberPattern '.*' @goal
} elseif ($found.OnlinePstnGatewayList -notcontains $fqdn) {
    Set-CsOnlineVoiceRoute -Identity $route -OnlinePstnGatewayList @{ Add = $fqdn }
}

$policy = 'RusTalk'
$known = @('RusTalk', 'Tag:RusTalk')
if (-not (Get-CsOnlineVoiceRoutingPolicy | Where-Object { $known -contains $_.Identity })) {
    New-CsOnlineVoiceRoutingPolicy -Identity $policy -OnlinePstnUsages $usage
}

# Who calls through this SBC.
Set-CsPhoneNumberAssignment -Identity 'adele@contoso.com' -PhoneNumber '+15551230001' -PhoneNumberType DirectRouting
Grant-CsOnlineVoiceRoutingPolicy -Identity 'adele@contoso.com' -PolicyName $policy
Grant-CsOnlineVoiceRoutingPolicy -Identity 'o''b@contoso.com' -PolicyName $policy
