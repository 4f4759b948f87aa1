from twisted.application.service import ServiceMaker

rustalk = ServiceMaker("RusTalk", "rustalk.tap", "SBC and PBX for Microsoft Teams Direct Routing", "rustalk")
