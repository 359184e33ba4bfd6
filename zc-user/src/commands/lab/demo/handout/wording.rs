//! What a handout says by itself, in the language of its tour.

use zc_lab::{
    language::Language,
    tour::words::{CHINESE, Words},
};
use zc_report::wording::{ENGLISH, Wording};

/// In the language of these words.
pub(super) const fn of(words: &Words) -> &'static Wording {
    match words.language {
        Language::En => &ENGLISH,
        Language::Zh => &IN_CHINESE,
    }
}

static IN_CHINESE: Wording = Wording {
    lang: "zh-Hans",
    answer: "用法",
    sections: "目录",
    command: "命令：",
    made_by: "由 zc 生成，版本",
    asks_for_nothing: "。这个页面不请求任何东西：没有脚本，没有字体，没有网络。",
    picture: "字节去了哪里",
    asked: "练习：字节去了哪里？以什么方式？",
    nothing: "没有搬运。",
    copied: "CPU 拷贝",
    reference: "传递引用：页被转交",
    device: "设备搬运 (DMA)",
    from: "从",
    to: "到",
    labels: CHINESE.labels,
};
