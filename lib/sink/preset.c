/*
 * The presets. Headings are those of the tools in English and, where they are known, in German and
 * Portuguese; tests/data/presets says where they were found.
 *
 * Likes of a post are likes in all of them; what a platform calls a view is our `views`, and the times that
 * something was shown our `impressions`.
 */
#include "preset.h"

#include <string.h>

#define TIKTOK_KEY    "/(?:video|photo)/([0-9]+)"
#define INSTAGRAM_KEY "/(?:p|reel|reels|tv|stories/[^/]+)/([A-Za-z0-9_-]+)"
#define YOUTUBE_KEY   "(?:[?&]v=|youtu\\.be/|/shorts/|/live/|/embed/)([A-Za-z0-9_-]{11})"

/* clang-format off */
static const struct preset_column tiktok_ads[] = {
	{PRESET_ID, "Ad ID|Anzeigen-ID", PRESET_TEXT, true},
	{PRESET_NAME, "Ad name|Anzeigenname", PRESET_TEXT, false},
	{PRESET_ON, "By Day|Date|Day|Stat time day|Tag|Datum", PRESET_DAY, false},
	{PRESET_AMOUNT, "Cost|Total cost|Spend|Kosten", PRESET_MONEY, false},
	{PRESET_CURRENCY, "Currency|Währung", PRESET_TEXT, false},
	{"impressions", "Impressions|Impression|Impressionen", PRESET_COUNT, true},
	{"reach", "Reach|Reichweite", PRESET_COUNT, false},
	{"clicks", "Clicks (destination)|Destination clicks|Clicks|Clicks (all)|Klicks (Zielseite)|Klicks",
		PRESET_COUNT, false},
	{"views", "Video views|Videoaufrufe", PRESET_COUNT, false},
	{"views_6s", "6-second video views|6s video views|6-second video views (focused view)", PRESET_COUNT, false},
	{"views_completed", "Video views at 100%|Video views (P100)|100% video views", PRESET_COUNT, false},
	{"likes", "Paid likes|Likes", PRESET_COUNT, false},
	{"comments", "Paid comments|Comments", PRESET_COUNT, false},
	{"shares", "Paid shares|Shares", PRESET_COUNT, false},
	{"new_followers", "Paid follows|Paid followers|Follows", PRESET_COUNT, false},
	{0},
};
static const struct preset_column tiktok_analytics[] = {
	{PRESET_LINK, "Video link|Post link|Link|Videolink|Enlace del video", PRESET_TEXT, true},
	{PRESET_NAME, "Video title|Post title|Title|Videotitel|Título del video", PRESET_TEXT, false},
	{PRESET_ON, "Date|Datum", PRESET_DAY, false},
	{"views", "Total views|Video views|Views|Aufrufe insgesamt|Visualizaciones totales", PRESET_COUNT, true},
	{"reach", "Reach|Reached audience|Total viewers|Reichweite", PRESET_COUNT, false},
	{"likes", "Total likes|Likes|Likes insgesamt|Me gusta totales", PRESET_COUNT, false},
	{"comments", "Total comments|Comments|Kommentare insgesamt|Comentarios totales", PRESET_COUNT, false},
	{"shares", "Total shares|Shares|Veces compartido", PRESET_COUNT, false},
	{"saves", "Add to favorites|Add to Favorites|Favorites|Saves", PRESET_COUNT, false},
	{"watch_seconds", "Total play time|Total play time (seconds)", PRESET_SECONDS, false},
	{"views_completed", "Watched full video|Watched full video (%)", PRESET_RATE_OF_VIEWS, false},
	{"new_followers", "New followers", PRESET_COUNT, false},
	{0},
};
static const struct preset_column instagram_posts[] = {
	{PRESET_ID, "Post ID|Beitrags-ID|Identificação do post|Identificação da publicação", PRESET_TEXT, true},
	{PRESET_LINK, "Permalink|Link permanente", PRESET_TEXT, true},
	{PRESET_NAME, "Description|Beschreibung|Descrição", PRESET_TEXT, false},
	{PRESET_ON, "Date|Datum|Data", PRESET_DAY, false},
	{"impressions", "Impressions|Impressionen|Impressões", PRESET_COUNT, false},
	{"views", "Views|Aufrufe|Visualizações|Plays", PRESET_COUNT, false},
	{"reach", "Reach|Accounts reached|Reichweite|Alcance", PRESET_COUNT, true},
	{"likes", "Likes|„Gefällt mir“-Angaben|Curtidas", PRESET_COUNT, false},
	{"comments", "Comments|Kommentare|Comentários", PRESET_COUNT, false},
	{"shares", "Shares|Geteilte Inhalte|Compartilhamentos", PRESET_COUNT, false},
	{"saves", "Saves|Gespeicherte Beiträge|Salvamentos", PRESET_COUNT, false},
	{"new_followers", "Follows|Seguimentos", PRESET_COUNT, false},
	{0},
};
static const struct preset_column instagram_stories[] = {
	{PRESET_ID, "Post ID|Beitrags-ID|Identificação do post|Identificação da publicação", PRESET_TEXT, true},
	{PRESET_LINK, "Permalink|Link permanente", PRESET_TEXT, true},
	{PRESET_NAME, "Description|Beschreibung|Descrição", PRESET_TEXT, false},
	{PRESET_ON, "Date|Datum|Data", PRESET_DAY, false},
	{"impressions", "Impressions|Impressionen|Impressões", PRESET_COUNT, false},
	{"views", "Views|Aufrufe|Visualizações", PRESET_COUNT, false},
	{"reach", "Reach|Accounts reached|Reichweite|Alcance", PRESET_COUNT, true},
	{"likes", "Likes|„Gefällt mir“-Angaben|Curtidas", PRESET_COUNT, false},
	{"comments", "Replies|Antworten|Respostas", PRESET_COUNT, false},
	{"shares", "Shares|Geteilte Inhalte|Compartilhamentos", PRESET_COUNT, false},
	{"clicks", "Link clicks|Link-Klicks|Cliques no link", PRESET_COUNT, false},
	{"new_followers", "Follows|Seguimentos", PRESET_COUNT, false},
	{0},
};
static const struct preset_column meta_ads[] = {
	{PRESET_ID, "Ad ID|Anzeigen-ID|Werbeanzeigen-ID", PRESET_TEXT, true},
	{PRESET_NAME, "Ad name|Anzeigenname|Name der Werbeanzeige", PRESET_TEXT, false},
	{PRESET_ON, "Day|Tag", PRESET_DAY, false},
	{PRESET_FROM, "Reporting starts|Berichtsstart|Beginn des Auswertungszeitraums", PRESET_DAY, false},
	{PRESET_TO, "Reporting ends|Berichtsende|Ende des Auswertungszeitraums", PRESET_DAY, false},
	{PRESET_AMOUNT, "Amount spent|Ausgegebener Betrag", PRESET_MONEY, false},
	{PRESET_CURRENCY, "Currency|Währung", PRESET_TEXT, false},
	{"impressions", "Impressions|Impressionen", PRESET_COUNT, true},
	{"reach", "Reach|Reichweite", PRESET_COUNT, false},
	{"clicks", "Link clicks|Link-Klicks|Linkklicks", PRESET_COUNT, false},
	{"views", "3-second video plays|Video plays at 3 seconds|3-Sekunden-Videowiedergaben", PRESET_COUNT, false},
	{"views_completed", "Video plays at 100%|Video watches at 100%|Videowiedergaben zu 100 %|Videowiedergaben bis 100 %",
		PRESET_COUNT, false},
	{"reactions", "Post reactions|Beitragsreaktionen", PRESET_COUNT, false},
	{"comments", "Post comments|Beitragskommentare", PRESET_COUNT, false},
	{"shares", "Post shares|Shared posts|Geteilte Beiträge", PRESET_COUNT, false},
	{"saves", "Post saves|Saved posts|Gespeicherte Beiträge", PRESET_COUNT, false},
	{"new_followers", "Instagram follows|Follows auf Instagram", PRESET_COUNT, false},
	{0},
};
static const struct preset_column youtube_studio[] = {
	{PRESET_ID, "Content|Video|Videos|Inhalt", PRESET_TEXT, true},
	{PRESET_NAME, "Video title|Videotitel", PRESET_TEXT, false},
	{PRESET_ON, "Date|Datum", PRESET_DAY, false},
	{"views", "Views|Aufrufe", PRESET_COUNT, true},
	{"impressions", "Impressions|Thumbnail impressions|Impressionen", PRESET_COUNT, false},
	{"reach", "Unique viewers|Einzelne Zuschauer", PRESET_COUNT, false},
	{"watch_seconds", "Watch time (hours)|Wiedergabezeit (Stunden)", PRESET_HOURS, false},
	{"likes", "Likes|„Mag ich“-Bewertungen|Positive Bewertungen", PRESET_COUNT, false},
	{"comments", "Comments added|Comments|Hinzugefügte Kommentare|Kommentare", PRESET_COUNT, false},
	{"shares", "Shares|Geteilte Inhalte", PRESET_COUNT, false},
	{"new_followers", "Subscribers gained|Subscribers|Abonnenten", PRESET_COUNT, false},
	{0},
};

static const struct preset presets[] = {
	{"tiktok-ads", "TikTok Ads Manager, a report of ads by day",
		{"tiktok"}, NULL, true, "paid", "delta", tiktok_ads},
	{"tiktok-analytics", "TikTok Analytics, content",
		{"tiktok"}, TIKTOK_KEY, false, "total", "cumulative", tiktok_analytics},
	{"instagram-posts", "Instagram Insights of Meta Business Suite, posts and reels",
		{"instagram"}, INSTAGRAM_KEY, false, "total", "cumulative", instagram_posts},
	{"instagram-stories", "Instagram Insights of Meta Business Suite, stories",
		{"instagram"}, INSTAGRAM_KEY, false, "total", "cumulative", instagram_stories},
	{"meta-ads", "Meta Ads Manager, a report of ads by day",
		{"meta", "instagram", "facebook"}, NULL, true, "paid", "delta", meta_ads},
	{"youtube-studio", "YouTube Studio, advanced mode, content",
		{"youtube"}, YOUTUBE_KEY, false, "total", "cumulative", youtube_studio},
};
/* clang-format on */
#define PRESET_COUNT_OF (sizeof presets / sizeof *presets)

const struct preset *preset_at(size_t index)
{
	return index < PRESET_COUNT_OF ? &presets[index] : NULL;
}

const struct preset *preset_find(const char *name)
{
	for (size_t i = 0; i < PRESET_COUNT_OF; i++) {
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	}
	return NULL;
}

bool preset_is_total(struct attrib_str first)
{
	static const char *const words[] = {"total", "totals", "gesamt", "gesamtwert", "summe"};
	struct attrib_str rest, word;

	word = attrib_str_split(attrib_str_trim(first), ' ', &rest);
	if (word.n && word.p[word.n - 1] == ':')
		word.n--;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (attrib_str_ieq(word, attrib_str_of(words[i])))
			return true;
	}
	return false;
}
