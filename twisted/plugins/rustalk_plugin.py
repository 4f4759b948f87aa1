from twisted.application.service import ServiceMaker

rustalk = ServiceMaker(
    "RusTalk", "rustalk.tap", "session border controller for Microsoft Teams Direct Routing", "rustalk"
)
