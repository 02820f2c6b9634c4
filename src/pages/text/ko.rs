//! The pages in Korean. Particles that depend on the last letter of a name are avoided: we do not know the name.

use std::time::Duration;

use super::{
    AccountText, AppsText, ConfirmationText, ConsentText, DevicesText, ErrorText, FormPostText, LeavingText,
    LogoutText, PasswordText, ProblemText, ProfileText, ScopeText, SignInText, Span, Text, TimeText,
};
use crate::pages::name::{named, words};

pub(super) static TEXT: Text = Text {
    terms: "이용약관",
    privacy: "개인정보처리방침",
    mistake: "문제 발생",
    unverified: |brand| words("스스로 등록한 앱입니다. ").named(brand).words("에서 확인하지 않았습니다."),
    sign_in: SignInText {
        title: "로그인",
        lead_client: |client| named(client).words("에 계속하려면 로그인하세요"),
        lead_account: |brand| named(brand).words(" 계정을 관리하려면 로그인하세요"),
        lead_again: "본인인지 다시 한번 확인해 주세요.",
        username: "사용자 이름",
        password: "비밀번호",
        remember: "로그인 상태 유지",
        submit: "로그인",
        cancel: "취소",
        wrong_credentials: "사용자 이름 또는 비밀번호가 맞지 않습니다. 확인한 뒤 다시 시도해 주세요.",
        throttled: |wait| format!("시도 횟수가 너무 많습니다. {wait} 후에 다시 시도해 주세요."),
        about_client: |client| named(client).words(" 정보"),
    },
    consent: ConsentText {
        title: "접근을 허용할까요?",
        lead: |client, brand| {
            named(client).words("에서 회원님의 ").named(brand).words(" 계정을 사용하려고 합니다.")
        },
        calls_itself: |name| words("앱이 밝힌 이름: ‘").named(name).words("’"),
        unproven: "이 기기의 어떤 프로그램이든 이 요청을 시작했을 수 있습니다. 방금 직접 시작한 경우에만 허용해 주세요.",
        asked: "허용하면 다음을 할 수 있습니다.",
        already: "이미 허용한 항목입니다.",
        signed_in_as: |user| words("로그인한 계정: ").named(user),
        not_you: "본인이 아닌가요?",
        sent_to: |host| words("이어서 이동할 곳: ").named(host),
        sent_to_this_device: |place| words("이 기기의 앱으로 돌아갑니다 (").named(place).words(")"),
        removable: "허용한 내용은 계정 페이지에서 언제든지 취소할 수 있습니다.",
        allow: "허용",
        deny: "거부",
    },
    scope: ScopeText {
        openid: "로그인할 때 회원님을 알아보기",
        profile: "이름, 사진 등 프로필 정보 보기",
        email: "이메일 주소 보기",
        address: "우편 주소 보기",
        phone: "전화번호 보기",
        offline_access: "회원님이 자리를 비운 동안에도 접근 유지하기",
        unknown: |scope| words("‘").named(scope).words("’ 권한 사용하기"),
        api: |name, identifier| named(name).words(" (").named(identifier).words(")에서 회원님을 대신하기"),
    },
    logout: LogoutText {
        confirm_title: "로그아웃할까요?",
        confirm_user: |user| words("현재 로그인한 계정: ").named(user),
        confirm_client: |client| named(client).words("에서 로그아웃을 요청했습니다."),
        confirm: "로그아웃",
        stay: "로그인 유지",
        done_title: "로그아웃되었습니다",
        done: |brand| words("이 브라우저의 ").named(brand).words(" 세션이 종료되었습니다."),
        done_hint: "여러 사람이 쓰는 컴퓨터라면 브라우저 창도 닫아 주세요.",
        sign_in_again: "다시 로그인",
        telling_title: "로그아웃하는 중입니다",
        telling: "다른 앱에 로그아웃을 알리고 있습니다. 잠시 후 이동합니다.",
        go_on: "계속",
    },
    form_post: FormPostText {
        title: "잠시만 기다려 주세요",
        explanation: |host| words("다음 주소로 이동하는 중입니다: ").named(host),
        submit: "계속",
    },
    leaving: LeavingText {
        title: "아는 앱인가요?",
        explanation: |client, brand| {
            named(client)
                .words("에서 보낸 요청이 허용되지 않았습니다. 스스로 등록한 앱이며 ")
                .named(brand)
                .words("에서 확인하지 않았습니다. 예상하지 못한 일이라면 계속하지 마세요.")
        },
        destination: |place| words("이동하려는 곳: ").named(place),
        leave: "앱으로 계속",
    },
    error: ErrorText {
        client: "앱",
        code: "오류 코드",
        detail: "제작자에게 알릴 내용",
        request_id: "요청 번호",
        technical: "문의할 때 필요한 정보",
        to_account: "내 계정으로 이동",
        try_again_in: |wait| format!("{wait} 후에 다시 시도해 주세요."),
        malformed_request: ProblemText {
            title: "사용할 수 없는 링크입니다",
            explanation: "앱이 처리할 수 없는 요청을 보냈습니다. 앱으로 돌아가 처음부터 다시 시도하고, 같은 문제가 계속되면 앱 제작자에게 알려 주세요.",
        },
        unknown_client: ProblemText {
            title: "알 수 없는 앱입니다",
            explanation: "이 페이지로 보낸 앱이 등록되어 있지 않아 앱으로 돌려보내지 않았습니다. 믿을 수 있는 앱이라면 제작자에게 알려 주세요.",
        },
        unusable_client_document: ProblemText {
            title: "앱을 확인할 수 없습니다",
            explanation: "이 페이지로 보낸 앱은 자신의 주소에서 스스로를 설명하는데, 그 내용을 사용할 수 없었습니다. 아무것도 허용되지 않았으며 앱 제작자가 고쳐야 합니다.",
        },
        unproven_redirect_uri: ProblemText {
            title: "이동을 중단했습니다",
            explanation: "앱이 등록되지 않은 주소로 이동해 달라고 요청했습니다. 회원님의 안전을 위해 여기에서 멈췄습니다.",
        },
        unknown_authorization: ProblemText {
            title: "알 수 없는 로그인 요청입니다",
            explanation: "오래전에 끝났거나 링크가 온전하지 않습니다. 앱으로 돌아가 처음부터 다시 시도해 주세요.",
        },
        expired_authorization: ProblemText {
            title: "시간이 초과되었습니다",
            explanation: "로그인 페이지가 너무 오래 열려 있었습니다. 앱으로 돌아가 처음부터 다시 시도해 주세요.",
        },
        completed_authorization: ProblemText {
            title: "이미 완료되었습니다",
            explanation: "이 로그인은 다른 탭 등에서 이미 완료되었습니다. 앱으로 돌아가세요. 앱에 로그인되어 있지 않다면 앱에서 다시 시작해 주세요.",
        },
        other_browser: ProblemText {
            title: "다른 브라우저에서 시작한 로그인입니다",
            explanation: "처음 시작한 브라우저에서 계속하거나, 이 브라우저의 앱에서 다시 시작해 주세요. 아무것도 허용되지 않았습니다.",
        },
        session_changed: ProblemText {
            title: "다른 계정으로 로그인되었습니다",
            explanation: "이 페이지를 연 뒤 이 브라우저에서 다른 계정으로 로그인했습니다. 아무것도 허용되지 않았습니다. 앱으로 돌아가 처음부터 다시 시도해 주세요.",
        },
        forged_form: ProblemText {
            title: "양식을 처리하지 못했습니다",
            explanation: "다른 사이트에서 보낸 양식이거나, 페이지가 너무 오래 열려 있었거나, 브라우저가 쿠키를 저장하지 않습니다. 변경된 내용은 없습니다. 뒤로 돌아가 페이지를 새로 고친 뒤 다시 시도해 주세요.",
        },
        not_found: ProblemText {
            title: "페이지가 없습니다",
            explanation: "주소가 잘못되었거나 더 이상 존재하지 않는 페이지입니다.",
        },
        method_not_allowed: ProblemText {
            title: "지원하지 않는 요청입니다",
            explanation: "이 주소에서는 이런 종류의 요청을 처리하지 않습니다.",
        },
        too_large: ProblemText {
            title: "요청이 너무 큽니다",
            explanation: "받을 수 있는 크기를 넘었습니다. 변경된 내용은 없습니다.",
        },
        unsupported_media_type: ProblemText {
            title: "읽을 수 없는 형식입니다",
            explanation: "처리할 수 없는 형식의 요청입니다. 변경된 내용은 없습니다.",
        },
        unavailable: ProblemText {
            title: "잠시 후 다시 이용해 주세요",
            explanation: "지금은 요청을 처리할 수 없습니다. 로그인은 유지되며 사라진 내용은 없습니다.",
        },
        internal: ProblemText {
            title: "서버에 문제가 발생했습니다",
            explanation: "회원님의 잘못이 아닙니다. 다시 시도해 보고, 문제가 계속되면 아래 요청 번호를 알려 주세요.",
        },
    },
    account: AccountText {
        title: "내 계정",
        greeting: |user| words("안녕하세요, ").named(user).words(" 님"),
        lead: "내 정보와 로그인한 기기, 계정을 사용하는 앱을 한곳에서 관리하세요.",
        sections: "메뉴",
        sign_out: "로그아웃",
        skip: "본문으로 건너뛰기",
    },
    profile: ProfileText {
        title: "프로필",
        lead: "회원님이 허용한 앱만 이 정보를 볼 수 있습니다.",
        username: "사용자 이름",
        email: "이메일",
        phone_number: "전화번호",
        verified: "확인됨",
        unverified: "확인되지 않음",
        missing: "없음",
        fixed: "앱이 회원님을 알아보는 데 쓰이는 정보이므로 관리자만 변경할 수 있습니다.",
        more: "추가 정보",
        save: "프로필 저장",
        saved: "프로필을 저장했습니다.",
        not_saved: "아직 저장되지 않았습니다. 표시된 항목을 확인해 주세요.",
        no_choice: "선택 안 함",
        name: "전체 이름",
        given_name: "이름",
        family_name: "성",
        middle_name: "중간 이름",
        nickname: "별명",
        gender: "성별",
        birthdate: "생년월일",
        zoneinfo: "시간대",
        locale: "언어",
        website: "웹사이트",
        profile: "프로필 페이지",
        picture: "사진(이미지 주소)",
        street_address: "도로명 주소",
        locality: "시/군/구",
        region: "시/도",
        postal_code: "우편번호",
        country: "국가",
        birthdate_hint: "연-월-일 형식(예: 1990-05-21)",
        zoneinfo_hint: "예: Asia/Seoul",
        not_a_url: "https://로 시작하는 주소를 입력해 주세요.",
        not_a_date: "연-월-일 형식으로 입력해 주세요(예: 1990-05-21).",
        not_a_zone: "Asia/Seoul과 같은 시간대를 입력해 주세요.",
        not_a_language: "목록에 있는 언어를 선택해 주세요.",
        too_long: "너무 깁니다.",
    },
    password: PasswordText {
        title: "비밀번호",
        lead: "비밀번호를 변경하면 다른 모든 기기에서 로그아웃됩니다.",
        current: "현재 비밀번호",
        new: "새 비밀번호",
        new_again: "새 비밀번호 확인",
        hint: |least| {
            format!(
                "{least}자 이상 입력하세요. 서로 관련 없는 단어를 여러 개 쓰면 기억하기 쉽고 추측하기는 어렵습니다."
            )
        },
        change: "비밀번호 변경",
        changed: "비밀번호를 변경했습니다. 다른 모든 기기에서 로그아웃되었습니다.",
        wrong_current: "현재 비밀번호가 맞지 않습니다.",
        not_the_same: "새 비밀번호 두 개가 서로 다릅니다.",
        too_short: |least| format!("{least}자 이상 입력해 주세요."),
        too_long: "비밀번호가 너무 깁니다.",
        control_character: "입력할 수 없는 경우가 있는 문자가 들어 있습니다. 그 문자를 빼 주세요.",
        too_easy: "추측하기 쉬운 비밀번호입니다. 더 길거나 흔하지 않은 비밀번호를 사용해 주세요.",
        about_you: "비밀번호에 본인의 이름이나 주소를 넣지 마세요.",
        unchanged: "현재 비밀번호와 같습니다.",
    },
    devices: DevicesText {
        title: "내 기기",
        lead: "내 계정으로 로그인한 모든 브라우저입니다. 낯선 기기가 있으면 로그아웃한 뒤 비밀번호를 변경하세요.",
        on: |browser, system| format!("{system}의 {browser}"),
        unknown_browser: "알 수 없는 브라우저",
        unknown_system: "알 수 없는 시스템",
        this_device: "현재 기기",
        address: "주소",
        since: "로그인",
        last_seen: "마지막 활동",
        end: "로그아웃",
        end_others: "다른 모든 기기에서 로그아웃",
        end_others_hint: "현재 세션을 제외한 모든 세션과, 그 세션에서 앱이 얻은 접근 권한이 종료됩니다.",
        only_this: "다른 곳에서는 로그인되어 있지 않습니다.",
        ended: |device| named(device).words("에서 로그아웃했습니다."),
        others_ended: |count| match count {
            0 => "다른 곳에서는 로그인되어 있지 않았습니다.".to_owned(),
            _ => format!("다른 기기 {count}대에서 로그아웃했습니다."),
        },
    },
    confirmation: ConfirmationText {
        confirmed: |confirmed, apis, took| {
            let took = took.map(|took| format!(" ({}ms)", took.as_millis())).unwrap_or_default();
            format!("API {apis}개 중 {confirmed}개가 확인했습니다{took}.")
        },
        outstanding: "아직 확인하지 않은 API:",
        again: "다시 보기",
    },
    apps: AppsText {
        title: "내 앱",
        lead: "내 계정을 사용하도록 허용한 앱입니다.",
        none: "내 계정을 사용하는 앱이 없습니다.",
        since: "허용한 날",
        can: "허용한 항목:",
        remove: "접근 취소",
        removed: |app| named(app).words("에서는 더 이상 내 계정을 사용할 수 없습니다."),
    },
    time: TimeText {
        ago: |passed| match Span::passed(passed) {
            Span::Seconds(_) => "방금".to_owned(),
            span => format!("{} 전", length(span)),
        },
        date: |at| at.to_utc().format("%Y년 %-m월 %-d일").to_string(),
        wait: |duration: Duration| length(Span::to_come(duration)),
    },
};

fn length(span: Span) -> String {
    match span {
        Span::Seconds(seconds) => format!("{seconds}초"),
        Span::Minutes(minutes) => format!("{minutes}분"),
        Span::Hours(hours) => format!("{hours}시간"),
        Span::Days(days) => format!("{days}일"),
    }
}
