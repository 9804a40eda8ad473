"""Places where features meet: a feature hangs a button there, another one shows the place. Markers, never
made."""

from __future__ import annotations


class HomePlace:
    """The bot's home and the welcome: what this person can do. No arguments."""


class WelcomePlace:
    """The welcome of somebody just tied: what to do first. No arguments; the actor may not be a member
    yet."""


class HintPlace:
    """A mail to somebody who asked on the public page although they are known. Argument: the leaver's id
    (int)."""


class LeaversPlace:
    """HR's list of leavers: what else needs HR. No arguments."""


class LeaverPlace:
    """HR's view of one leaver. Argument: the leaver's id (int)."""


class PersonPlace:
    """An alumnus as another alumnus sees them. Argument: the person's id (str)."""


class CheckinPlace:
    """After "something changed": the way to say what. No arguments."""


class FrontPlace:
    """The public page of the network, seen by visitors. No arguments."""


class ProfilePlace:
    """My own profile, as its owner sees it. No arguments."""


class StopPlace:
    """After "no more check-ins": how to pause or leave altogether. No arguments."""


class PolicyPlace:
    """HR's view of what it decides about the network. No arguments."""


class PrivacyPlace:
    """What is held about somebody: how it is corrected, paused, answered anew. No arguments."""


class OpeningPlace:
    """An opening as alumni see it, also in mails and channels. Argument: its number (int); the actor may be
    nobody in particular."""


class OpeningsPlace:
    """Under the list of openings that alumni look through. No arguments."""


class PostedPlace:
    """HR's view of one opening. Argument: its number (int)."""


class PostingsPlace:
    """HR's list of openings. No arguments."""


class ToldPlace:
    """In a message to the company about an opening: the way to it. Argument: the opening's number (int)."""


class ThankedPlace:
    """After an opening has closed, to who came to it: what is theirs. No arguments; the actor may be nobody
    in particular."""


class OwnInterestPlace:
    """Under my own raised hand. Argument: the interest's number (int)."""


class OwnReferralPlace:
    """Under a referral of mine. Argument: its number (int)."""


class AskedPlace:
    """The question to a candidate: their two answers. Argument: the referral's number (int); the actor is
    somebody else."""


class CandidatePlace:
    """Under a mail to a candidate who agreed. Argument: the referral's number (int); the actor is somebody
    else."""


class IntroducedPlace:
    """Under the word to the company that a candidate agreed. Argument: the referral's number (int); the actor
    is somebody else."""


class AnswerPlace:
    """In the list of who waits for HR's answer to an opening. Argument: the opening's number (int)."""


class DecidedPlace:
    """After HR has changed what it decides: the way back to the whole. No arguments."""
