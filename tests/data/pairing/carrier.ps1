# Pairs this SBC with Microsoft Teams Direct Routing. It may be run again after a change.
# First sign in to the tenant of the SBC as a Teams administrator; sbc.example.com or example.com must be a domain of it:
#   Connect-MicrosoftTeams
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

# The customers get scripts of their own, to be run signed in to their tenants:
#   rustalk teams script --tenant contoso    (contoso.sbc.example.com)
