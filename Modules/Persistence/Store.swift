/// All that the product keeps, as one thing to be opened, cared for and handed on.
public protocol Store: ConversationStore, CaseStore, OnboardingStore, UserStore, StoreCare, UserDirectory {}
