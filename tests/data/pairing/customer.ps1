# Pairs this SBC with Microsoft Teams Direct Routing. It may be run again after a change.
# First sign in to the tenant of contoso as a Teams administrator; contoso.sbc.example.com must be a domain of it:
#   Connect-MicrosoftTeams
#Requires -Modules MicrosoftTeams
$ErrorActionPreference = 'Stop'
$fqdn = 'contoso.sbc.example.com'

# contoso.sbc.example.com needs no gateway of its own: it has what sbc.example.com has in the tenant of the SBC.
# The domain must be verified here, and one licensed user must have an address in it.

# Every number goes to this SBC, whose own routes decide. Gateways that are in the route already stay.
$usage = 'Voice $x `n ''y'''
if ((Get-CsOnlinePstnUsage -Identity Global).Usage -notcontains $usage) {
    Set-CsOnlinePstnUsage -Identity Global -Usage @{ Add = $usage }
}
$route = 'Voice $x `n ''y'''
$found = Get-CsOnlineVoiceRoute | Where-Object { $_.Identity -eq $route }
if (-not $found) {
    $goal = @{ OnlinePstnGatewayList = $fqdn; OnlinePstnUsages = $usage }
    New-CsOnlineVoiceRoute -Identity $route -NumberPattern '.*' @goal
} elseif ($found.OnlinePstnGatewayList -notcontains $fqdn) {
    Set-CsOnlineVoiceRoute -Identity $route -OnlinePstnGatewayList @{ Add = $fqdn }
}

$policy = 'Voice $x `n ''y'''
$known = @('Voice $x `n ''y''', 'Tag:Voice $x `n ''y''')
if (-not (Get-CsOnlineVoiceRoutingPolicy | Where-Object { $known -contains $_.Identity })) {
    New-CsOnlineVoiceRoutingPolicy -Identity $policy -OnlinePstnUsages $usage
}

# Who calls through this SBC.
#   Set-CsPhoneNumberAssignment -Identity UPN -PhoneNumber +E164 -PhoneNumberType DirectRouting
#   Grant-CsOnlineVoiceRoutingPolicy -Identity UPN -PolicyName $policy
